"""Files in every form, listed, named and deleted; the bytes go when nothing needs them, and not before."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from PIL import Image
from tests.support.patience import PATIENCE_S
from tests.support.s3 import s3_environment
from tests.support.server import Api, Server, new_customer, operator_of

pytestmark = pytest.mark.slow


def png(color: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, color).save(held, "PNG")
    return held.getvalue()


def form(content: bytes, name: str = "red.png", **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)
    for key, value in fields.items():
        data.add_field(key, value)
    data.add_field("file", content, filename=name, content_type="text/html")
    return data


async def post_form(api: Api, data: Any, **headers: str) -> tuple[int, Any]:
    sent = {"authorization": f"Bearer {api.key}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    async with api.session.post("/v1/media", data=data, headers=sent) as answer:
        return answer.status, await answer.json(content_type=None)


async def link_status(api: Api, url: str) -> int:
    async with api.session.get(url) as answer:
        return answer.status


async def eventually(check: Any, expected: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await check() != expected:
            await asyncio.sleep(0.05)


@pytest.fixture(params=["local", "s3"])
async def gateway(
    request: pytest.FixtureRequest, database_url: str, data_dir: Path
) -> AsyncIterator[tuple[Server, Api]]:
    """A gateway of either kind of media store, and its operator."""
    more = {}
    if request.param == "s3":
        endpoint = request.getfixturevalue("s3_endpoint")
        more = {"VERMILION_MEDIA_URL": f"s3://media-tests/{data_dir.parent.name}", **s3_environment(endpoint)}
    server = Server(data_dir, DATABASE_URL=database_url, **more)
    await server.start()
    async with operator_of(server) as operator:
        yield server, operator
    await server.stop()


async def test_a_form_brings_a_file_with_its_name(customer: Api) -> None:
    """A multipart form stores its file like a raw body does, under the name that it gives."""
    status, upload = await post_form(customer, form(png(), "Sunset über.png", purpose="vision"))
    async with customer.session.get(upload["url"]) as answer:
        disposition, content = answer.headers["content-disposition"], await answer.read()
    async with customer.session.get(upload["url"] + "&download=1") as answer:
        saved = answer.headers["content-disposition"]

    assert (201, "image/png", "Sunset über.png") == (status, upload["content_type"], upload["name"])
    assert png() == content
    assert "inline; filename=\"Sunset _ber.png\"; filename*=UTF-8''Sunset%20%C3%BCber.png" == disposition
    assert saved.startswith("attachment;")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.png", "a.png"),
        ('a"b\r\nset-cookie: x.png', 'a"bset-cookie: x.png'),
        ("..", None),
        ("x" * 500, "x" * 128),
    ],
)
async def test_names_are_only_names(customer: Api, name: str, kept: str | None) -> None:
    """No name leads anywhere or into a header."""
    async with customer.session.post(
        "/v1/media",
        data=png(),
        params={"name": name},
        headers={"authorization": f"Bearer {customer.key}"},
    ) as answer:
        upload = await answer.json()
    async with customer.session.get(upload["url"]) as answer:
        headers = answer.headers

    assert kept == upload.get("name")
    assert "set-cookie" not in headers


async def test_bad_forms_are_refused(operator: Api) -> None:
    """No file, two files, no boundary, a broken form and too large a file: one clear error each, nothing stored."""
    api = await new_customer(operator, plan={"upload_bytes_max": 2_000})
    empty = aiohttp.FormData()
    empty.add_field("purpose", "vision")
    empty._is_multipart = True
    two = form(png())
    two.add_field("other", png(), filename="b.png")
    kind = "multipart/form-data; boundary=x"
    cases = [
        (empty, {}, 422),
        (two, {}, 422),
        (b"--x", {"content_type": "multipart/form-data"}, 400),
        (b"--x\r\nno header\r\n", {"content_type": kind}, 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
            {"content_type": kind},
            400,
        ),
        (form(b"x" * 2_001), {}, 413),
        (form(b"x" * 200_000), {}, 413),
    ]

    for data, headers, expected in cases:
        status, problem = await post_form(api, data, **headers)
        assert expected == status, problem

    assert [] == (await api.get("/v1/media"))["data"]


async def test_files_are_listed_by_kind(customer: Api) -> None:
    """Uploads and outputs, newest first, in pages; nobody else's."""
    first = await customer.post("/v1/media", png())
    task = await customer.echo("words", prefer="wait=20", files=2)
    uploads = await customer.get("/v1/media?kind=upload")
    outputs = await customer.get("/v1/media?kind=output&limit=1")
    rest = await customer.get(f"/v1/media?kind=output&limit=1&cursor={outputs['next_cursor']}")

    assert [first["id"]] == [one["id"] for one in uploads["data"]]
    made = [one["id"] for page in (outputs, rest) for one in page["data"]]
    assert sorted(asset["id"] for asset in task["output"]["assets"]) == sorted(made)
    assert task["id"] == outputs["data"][0]["task_id"]


async def test_deleting_removes_every_copy(gateway: tuple[Server, Api]) -> None:
    """A deleted file and its thumbnail are gone from the store at once; the same bytes of somebody else stay."""
    _, operator = gateway
    customer, stranger = await new_customer(operator), await new_customer(operator)
    mine = await customer.post("/v1/media", png())
    theirs = await stranger.post("/v1/media", png())

    foreign, _ = await stranger.call("DELETE", f"/v1/media/{mine['id']}")
    gone, _ = await customer.call("DELETE", f"/v1/media/{mine['id']}")
    again, _ = await customer.call("DELETE", f"/v1/media/{mine['id']}")

    assert (404, 200, 404) == (foreign, gone, again)
    assert 404 == await link_status(customer, mine["url"])
    assert 404 == await link_status(customer, mine["thumbnail_url"])
    assert 200 == await link_status(customer, theirs["thumbnail_url"])
    assert 0 == await stored(gateway, customer)
    assert 2 == await stored(gateway, stranger)


async def test_the_same_bytes_are_stored_once(gateway: tuple[Server, Api]) -> None:
    """Two uploads of one picture share their bytes; deleting one keeps them for the other."""
    _, operator = gateway
    customer = await new_customer(operator)
    first, second = [await customer.post("/v1/media", png()) for _ in range(2)]
    once = await stored(gateway, customer)

    await customer.call("DELETE", f"/v1/media/{first['id']}")

    assert (2, 2) == (once, await stored(gateway, customer))  # the picture and its thumbnail
    assert 200 == await link_status(customer, second["url"])


async def test_storing_and_deleting_the_same_bytes_at_once_loses_nothing(gateway: tuple[Server, Api]) -> None:
    """However uploads and deletions of one picture meet, a file that is listed can be read."""
    _, operator = gateway
    customer = await new_customer(operator)

    async def store_and_maybe_delete(number: int) -> None:
        upload = await customer.post("/v1/media", png())
        if number % 2:
            await customer.call("DELETE", f"/v1/media/{upload['id']}")

    await asyncio.gather(*(store_and_maybe_delete(number) for number in range(24)))

    left = (await customer.get("/v1/media"))["data"]
    assert 12 == len(left)
    assert [200] * 12 == [await link_status(customer, one["url"]) for one in left]
    assert [200] * 12 == [await link_status(customer, one["thumbnail_url"]) for one in left]


async def test_a_task_forgets_what_is_deleted(customer: Api) -> None:
    """A deleted output is no longer named by its task; deleting all of a task's files leaves its own words."""
    task = await customer.echo("words", prefer="wait=20", files=2)
    first, second = task["output"]["assets"]

    await customer.call("DELETE", f"/v1/media/{first['id']}")
    one = await customer.get(f"/v1/tasks/{task['id']}")
    status, answer = await customer.call("DELETE", f"/v1/tasks/{task['id']}/media")
    none = await customer.get(f"/v1/tasks/{task['id']}")

    assert [second["id"]] == [asset["id"] for asset in one["output"]["assets"]]
    assert (200, {"deleted": 1}) == (status, answer)
    assert [] == none["output"]["assets"]
    assert 404 == await link_status(customer, second["url"])


async def test_nobody_deletes_the_files_of_others(operator: Api, customer: Api) -> None:
    """Another account's task is not there, and its files stay."""
    task = await customer.echo("words", prefer="wait=20", files=1)
    stranger = await new_customer(operator)

    status, _ = await stranger.call("DELETE", f"/v1/tasks/{task['id']}/media")

    assert 404 == status
    assert 200 == await link_status(customer, task["output"]["assets"][0]["url"])


async def test_a_plan_bounds_what_is_stored(operator: Api) -> None:
    """Beyond the plan's total uploads are refused, until something is deleted; the same bytes count once."""
    noise = [Image.effect_noise((64, 64), 40 + number) for number in range(3)]
    pictures = []
    for picture in noise:
        held = io.BytesIO()
        picture.save(held, "PNG")
        pictures.append(held.getvalue())
    api = await new_customer(operator, plan={"media_bytes_max": 3 * len(pictures[0])})

    first = await api.post("/v1/media", pictures[0])
    await api.post("/v1/media", pictures[0])
    for content in pictures[1:]:
        status, problem = await api.call("POST", "/v1/media", content)
        if status == 413:
            break
    for one in (await api.get("/v1/media"))["data"]:
        await api.call("DELETE", f"/v1/media/{one['id']}")

    assert (413, "storage_full") == (status, problem["code"])
    assert 201 == (await api.call("POST", "/v1/media", pictures[2]))[0]
    assert first["size_bytes"] == len(pictures[0])


async def test_an_input_by_url_is_fetched_once(module_server: Server, operator: Api, customer: Api) -> None:
    """The file behind a URL is kept with the task, so that it is listed, and gone when the task's files go."""
    asked: list[str] = []

    async def picture(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=png(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/a.png", picture)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        body = {
            "model": "convert",
            "task_type": "convert",
            "input": {"image": f"http://127.0.0.1:{port}/a.png", "format": "webp"},
        }
        task = await customer.ended((await customer.post("/v1/tasks", body))["id"])
    finally:
        await runner.cleanup()
    inputs = (await customer.get("/v1/media?kind=input"))["data"]
    deleted = await customer.call("DELETE", f"/v1/tasks/{task['id']}/media")

    assert ("completed", ["/a.png"]) == (task["status"], asked)
    assert [(task["id"], "image/png")] == [(one["task_id"], one["content_type"]) for one in inputs]
    assert (200, {"deleted": 2}) == deleted
    assert [] == (await customer.get("/v1/media"))["data"]


@pytest.mark.parametrize("known", ['"{0}"', 'W/"{0}"', '"other", "{0}"', "*"])
async def test_known_files_are_not_sent_again(customer: Api, known: str) -> None:
    """Every form of If-None-Match that names the file saves the way."""
    upload = await customer.post("/v1/media", png())
    async with customer.session.get(upload["url"]) as answer:
        tag = answer.headers["etag"].strip('"')

    async with customer.session.get(upload["url"], headers={"if-none-match": known.format(tag)}) as answer:
        assert 304 == answer.status


async def stored(gateway: tuple[Server, Api], customer: Api) -> int:
    """How many blobs an account has in the store itself."""
    from vermilion.storage.blobs import open_blobs  # the store as the server sees it

    server, _ = gateway
    url = server.environment.get("VERMILION_MEDIA_URL", "")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        blobs = open_blobs(url, data_dir=server.data_dir)
    listed = await asyncio.to_thread(lambda: [meta for page in blobs._store.list() for meta in page])
    return sum(str(customer.account_id) in meta["path"] for meta in listed)
