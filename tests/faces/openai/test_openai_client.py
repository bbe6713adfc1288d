"""OpenAI's own client, as it comes from PyPI, against a running gateway: files, and batches of their lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import openai
import pytest
from openai import AsyncOpenAI
from openai.types import Batch, FileObject
from tests.support.packs import INSTALL_TIMEOUT_S
from tests.support.server import Api, Server, new_customer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]
PACKS = ("embed",)
ENDED = ("completed", "failed", "expired", "cancelled")


def client_of(server: Server, customer: Api) -> AsyncOpenAI:
    """The client with a customer's key."""
    return AsyncOpenAI(base_url=f"{server.url}/v1", api_key=str(customer.key), max_retries=0)


@pytest.fixture
async def client(module_server: Server, customer: Api) -> AsyncIterator[AsyncOpenAI]:
    """A funded customer's client."""
    async with client_of(module_server, customer) as client:
        yield client


@pytest.fixture
async def stranger(module_server: Server, operator: Api) -> AsyncIterator[AsyncOpenAI]:
    """Somebody else's."""
    async with client_of(module_server, await new_customer(operator)) as client:
        yield client


def echo(number: int, **script: Any) -> dict[str, Any]:
    """A task's body."""
    return {"model": "echo", "task_type": "echo", "input": {"prompt": f"line {number}", **script}}


def lines(bodies: Mapping[str, dict[str, Any]], url: str = "/v1/tasks") -> bytes:
    """A batch's file: a request for each name."""
    return b"".join(
        json.dumps({"custom_id": name, "method": "POST", "url": url, "body": body}).encode() + b"\n"
        for name, body in bodies.items()
    )


async def uploaded(client: AsyncOpenAI, content: bytes) -> FileObject:
    """The file of a batch."""
    return await client.files.create(file=("requests.jsonl", content), purpose="batch")


async def batch_of(client: AsyncOpenAI, file_id: str, endpoint: str = "/v1/tasks", **more: Any) -> Batch:
    """A batch of an uploaded file."""
    wanted: Any = {"endpoint": endpoint, "completion_window": "24h", **more}
    return await client.batches.create(input_file_id=file_id, **wanted)


async def submitted(client: AsyncOpenAI, content: bytes, endpoint: str = "/v1/tasks", **more: Any) -> Batch:
    """A batch of these lines."""
    return await batch_of(client, (await uploaded(client, content)).id, endpoint, **more)


async def over(client: AsyncOpenAI, batch: Batch) -> Batch:
    """The batch once it has ended."""
    async with asyncio.timeout(90):
        while (batch := await client.batches.retrieve(batch.id)).status not in ENDED:
            await asyncio.sleep(0.05)
    return batch


async def results(client: AsyncOpenAI, file_id: str | None) -> list[Any]:
    """The lines of a batch's output or errors."""
    assert file_id is not None
    content = await client.files.content(file_id)
    return [json.loads(line) for line in content.text.splitlines()]


async def test_a_file_is_stored_read_listed_and_deleted(client: AsyncOpenAI, customer: Api) -> None:
    """With its name, size and purpose; it is the same file to the native API, and gone to both at the end."""
    content = lines({"a": echo(1)}) * 2
    made = await uploaded(client, content)
    read = await client.files.retrieve(made.id)
    body = await client.files.content(made.id)

    assert ("file", "requests.jsonl", len(content), "batch", "processed") == (
        made.object,
        made.filename,
        made.bytes,
        made.purpose,
        made.status,
    )
    assert made == read == await client.files.wait_for_processing(made.id)
    assert (content, "application/jsonl") == (body.content, body.response.headers["content-type"])
    [native] = (await customer.get("/v1/media"))["data"]
    assert UUID(native["id"]).hex == made.id.removeprefix("file-")

    deleted = await client.files.delete(made.id)
    assert (made.id, True, "file") == (deleted.id, deleted.deleted, deleted.object)
    with pytest.raises(openai.NotFoundError):
        await client.files.content(made.id)
    assert [] == (await customer.get("/v1/media"))["data"]


async def test_files_are_listed_in_pages_by_purpose(client: AsyncOpenAI, customer: Api) -> None:
    """Newest first unless asked otherwise; uploads of the native API are user data."""
    made = [await uploaded(client, b'{"n": %d}\n{}\n' % number) for number in range(3)]
    native = await customer.post("/v1/media?name=n.txt", b"plain words")

    paged = [file.id async for file in client.files.list(limit=2)]
    oldest = [file.id async for file in client.files.list(limit=2, order="asc", purpose="batch")]
    of_user = [file async for file in client.files.list(purpose="user_data")]

    ids = [file.id for file in made]
    assert [*oldest, f"file-{UUID(native['id']).hex}"] == [*ids, of_user[0].id] == paged[::-1]
    assert ("n.txt", "user_data") == (of_user[0].filename, of_user[0].purpose)


async def test_a_file_may_be_kept_for_a_time_only(client: AsyncOpenAI) -> None:
    """As long as is asked, and never longer than the plan keeps files."""
    short = await client.files.create(
        file=("a.txt", b"words"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    plain = await client.files.create(file=("b.txt", b"more words"), purpose="user_data")

    assert short.expires_at is not None
    assert plain.expires_at is not None
    assert 3590 <= short.expires_at - short.created_at <= 3610
    assert 30 * 86_400 - 10 <= plain.expires_at - plain.created_at <= 30 * 86_400 + 10


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        ({"file": ("a.txt", b"words"), "purpose": "mischief"}, "purpose", "invalid_request"),
        ({"file": ("a.bin", bytes(range(256))), "purpose": "user_data"}, None, "unsupported_media"),
        ({"file": ("a.txt", b""), "purpose": "user_data"}, None, "unsupported_media"),
        (
            {
                "file": ("a.txt", b"words"),
                "purpose": "user_data",
                "expires_after": {"anchor": "created_at", "seconds": 5},
            },
            "expires_after[seconds]",
            "invalid_request",
        ),
    ],
)
async def test_a_wrong_upload_is_refused_in_the_clients_words(
    client: AsyncOpenAI, form: Any, param: str | None, code: str
) -> None:
    """The client raises its own error, which names the field; nothing is kept."""
    with pytest.raises(openai.BadRequestError) as refused:
        await client.files.create(**form)
    assert (param, code) == (refused.value.param, refused.value.code)
    assert [] == [file async for file in client.files.list()]


async def test_a_batch_of_tasks(client: AsyncOpenAI, customer: Api) -> None:
    """Every line is done once, its answer is what the path itself answers, and faults are in a file of their own."""
    bodies = {f"row-{number}": echo(number) for number in range(20)}
    bodies["bad"] = echo(20, end="fail-customer")
    made = await submitted(client, lines(bodies), metadata={"run": "nightly"})
    ended = await over(client, made)
    output = await results(client, ended.output_file_id)
    errors = await results(client, ended.error_file_id)

    assert ("batch", "/v1/tasks", "24h", {"run": "nightly"}) == (
        made.object,
        made.endpoint,
        made.completion_window,
        made.metadata,
    )
    assert ended.request_counts is not None
    assert ("completed", 21, 20, 1) == (
        ended.status,
        ended.request_counts.total,
        ended.request_counts.completed,
        ended.request_counts.failed,
    )
    assert ended.completed_at is not None
    assert made.expires_at == ended.expires_at == made.created_at + 86_400
    assert list(bodies)[:20] == [line["custom_id"] for line in output]
    assert [f"line {number}" for number in range(20)] == [
        line["response"]["body"]["output"]["text"] for line in output
    ]
    assert {(200, None)} == {(line["response"]["status_code"], line["error"]) for line in output}
    task = output[0]["response"]["body"]
    assert task == await customer.get(f"/v1/tasks/{task['id']}")
    assert [("bad", 400)] == [(line["custom_id"], line["response"]["status_code"]) for line in errors]
    assert errors[0]["response"]["body"]["error"]["message"]
    facts = await client.files.retrieve(str(ended.output_file_id))
    content = await client.files.content(str(ended.output_file_id))
    assert ("batch_output", len(content.content)) == (facts.purpose, facts.bytes)


async def test_a_batch_of_pictures(client: AsyncOpenAI, customer: Api) -> None:
    """The prompt, the number and the size reach the model in its own words; the answer has links."""
    body: Any = {"model": "composer", "prompt": "a red fox", "n": 2, "size": "384x256", "seed": 7}
    ended = await over(
        client,
        await submitted(client, lines({"fox": body}, "/v1/images/generations"), "/v1/images/generations"),
    )
    [line] = await results(client, ended.output_file_id)
    task = (await customer.get("/v1/tasks"))["data"][0]

    given = {"prompt": "a red fox", "count": 2, "aspect_ratio": "3:2", "size": 384, "seed": 7}
    assert given == task["input"]
    made = line["response"]["body"]
    assert (2, True) == (len(made["data"]), made["created"] > 0)
    async with customer.session.get(made["data"][1]["url"]) as answer:
        assert (200, "image") == (answer.status, answer.content_type.partition("/")[0])


async def test_a_batch_of_embeddings(client: AsyncOpenAI) -> None:
    """One text or many a line, and the vectors in the order of the texts."""
    bodies: Any = {
        "one": {"model": "embed", "input": "a cat"},
        "two": {"model": "embed", "input": ["a", "b"]},
    }
    ended = await over(client, await submitted(client, lines(bodies, "/v1/embeddings"), "/v1/embeddings"))
    one, two = (line["response"]["body"] for line in await results(client, ended.output_file_id))

    assert ("list", "embed", [0, 1]) == (two["object"], two["model"], [d["index"] for d in two["data"]])
    assert 384 == len(one["data"][0]["embedding"])
    assert one["usage"]["total_tokens"] > 0


TASKS, PICTURES, VECTORS = "/v1/tasks", "/v1/images/generations", "/v1/embeddings"
FOX = {"model": "composer", "prompt": "a fox"}
WRONG: dict[str, tuple[str, str, Any, str]] = {
    "another path": (VECTORS, TASKS, {}, "lines.1.url"),
    "no input": (TASKS, TASKS, {"model": "echo", "task_type": "echo"}, "lines.1.body"),
    "no prompt": (TASKS, TASKS, {"model": "echo", "task_type": "echo", "input": {}}, "lines.1.input"),
    "no pictures": (PICTURES, PICTURES, {"model": "echo", "prompt": "x"}, "lines.1.body.model"),
    "no size": (PICTURES, PICTURES, {**FOX, "size": "big"}, "lines.1.body.size"),
    "a strange field": (PICTURES, PICTURES, {**FOX, "quality": "hd"}, "quality"),
    "no links": (PICTURES, PICTURES, {**FOX, "response_format": "b64_json"}, "lines.1.body.response_format"),
    "no texts": (VECTORS, VECTORS, {"model": "embed", "input": 5}, "lines.1.input.texts"),
    "in base64": (
        VECTORS,
        VECTORS,
        {"model": "embed", "input": "x", "encoding_format": "base64"},
        "lines.1.body.encoding_format",
    ),
    "not done in batches": ("/v1/chat/completions", "/v1/chat/completions", {}, "endpoint"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_line_refuses_the_whole(client: AsyncOpenAI, name: str) -> None:
    """At once, by its number and field; there is no batch then."""
    url, endpoint, body, told = WRONG[name]
    with pytest.raises(openai.BadRequestError) as refused:
        await submitted(client, lines({"x": body}, url), endpoint)
    assert told in str(refused.value)
    assert [] == [batch async for batch in client.batches.list()]


@pytest.mark.parametrize("window", ["0h", "24", "999h", "soon"])
async def test_a_window_is_hours(client: AsyncOpenAI, window: str) -> None:
    """Between one and a week's."""
    with pytest.raises(openai.BadRequestError) as refused:
        await submitted(client, lines({"x": echo(1)}), completion_window=window)
    assert "completion_window" == refused.value.param


async def test_a_batch_is_cancelled(client: AsyncOpenAI, customer: Api) -> None:
    """What was not done says so in the error file; a second cancel of what is over is refused."""
    bodies = {f"row-{number}": echo(number, latency_s=3600) for number in range(30)}
    made = await submitted(client, lines(bodies))

    asked = await client.batches.cancel(made.id)
    ended = await over(client, made)
    errors = await results(client, ended.error_file_id)

    assert ("cancelling", "cancelled", None) == (asked.status, ended.status, ended.output_file_id)
    assert {"batch_cancelled"} == {line["error"]["code"] for line in errors}
    assert list(bodies) == [line["custom_id"] for line in errors]
    assert 0 == (await customer.get("/v1/wallet"))["held"]


async def test_the_two_dialects_share_one_path(client: AsyncOpenAI, customer: Api) -> None:
    """The client pages through its own batches; the native API sees all, each under an id of its own kind."""
    mine = [await submitted(client, lines({"x": echo(number)})) for number in range(3)]
    native = await customer.post(
        "/v1/batches", lines({}) + json.dumps({"custom_id": "n", **echo(9)}).encode()
    )

    listed = [batch.id async for batch in client.batches.list(limit=2)]
    seen = [batch["id"] for batch in (await customer.get("/v1/batches"))["data"]]
    plain = await customer.get("/v1/batches?after=&limit=1")

    assert [batch.id for batch in mine[::-1]] == listed
    assert [native["id"], *(str(UUID(id_.removeprefix("batch_"))) for id_ in listed)] == seen
    assert ("list", listed[0], True) == (plain["object"], plain["first_id"], plain["has_more"])
    with pytest.raises(openai.NotFoundError):
        await client.batches.retrieve(f"batch_{UUID(native['id']).hex}")
    assert 200 == (await customer.call("GET", f"/v1/batches/{seen[1]}"))[0]


async def test_files_and_batches_are_their_accounts_own(client: AsyncOpenAI, stranger: AsyncOpenAI) -> None:
    """To a stranger they do not exist, by whatever operation, and neither do ids of nothing."""
    file = await uploaded(client, lines({"x": echo(1)}))
    batch = await batch_of(client, file.id)
    batch = await over(client, batch)
    files = (file.id, str(batch.output_file_id), "file-0", "nonsense", "file-batch_0_output")

    for file_id in files:
        for operation in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
            with pytest.raises(openai.NotFoundError):
                await operation(file_id)
        with pytest.raises(openai.NotFoundError):
            await batch_of(stranger, file_id)
    for batch_id in (batch.id, "batch_0"):
        for ask in (stranger.batches.retrieve, stranger.batches.cancel):
            with pytest.raises(openai.NotFoundError):
                await ask(batch_id)
    assert [] == [one async for one in stranger.files.list()]
    assert [] == [one async for one in stranger.batches.list()]
    with pytest.raises(openai.BadRequestError):
        await client.files.delete(str(batch.output_file_id))


async def test_a_key_without_the_scope_is_refused(module_server: Server, operator: Api) -> None:
    """Reading is not writing; a wrong key is nobody."""
    reader = await new_customer(operator, scopes=["tasks:read"])
    async with client_of(module_server, reader) as client:
        assert [] == [file async for file in client.files.list()]
        with pytest.raises(openai.PermissionDeniedError):
            await uploaded(client, b"words")
    reader.key = "vmk_nobody"
    async with client_of(module_server, reader) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.files.retrieve("file-0")
