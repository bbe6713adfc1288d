"""What the command line makes of answers, on a small server that gives each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from vermilion.cli.client import Client, open_client
from vermilion.cli.failures import CommandFailed, Refused, Unreachable
from vermilion.cli.progress import follow
from vermilion.cli.where import Where

PROBLEM = {
    "title": "Invalid request",
    "status": 422,
    "code": "invalid_request",
    "detail": "It is wrong.",
    "problems": [
        {"pointer": "/input/size", "detail": "is too small"},
        {"pointer": "/input/seed", "detail": "is no number"},
    ],
}


class Answers:
    """The answers to give, in order, and the requests that asked for them."""

    def __init__(self) -> None:
        self.queue: list[web.StreamResponse] = []
        self.requests: list[web.Request] = []

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return self.queue.pop(0)


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
async def client(answers: Answers) -> AsyncIterator[Client]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answers.give)
    async with (
        TestServer(application) as server,
        open_client(where_is(server)) as client,
    ):
        yield client


async def test_every_wrong_field_gets_a_line(client: Client, answers: Answers) -> None:
    """A refusal tells its detail first, then each wrong field."""
    answers.queue = [web.json_response(PROBLEM, status=422, content_type="application/problem+json")]
    with pytest.raises(Refused) as refused:
        await client.get("/v1/tasks")
    assert [
        "It is wrong.",
        "  /input/size  is too small",
        "  /input/seed  is no number",
    ] == refused.value.lines()


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("unauthenticated", "VERMILION_API_KEY"),
        ("insufficient_funds", "grant ACCOUNT --usd 5"),
        ("forbidden", "key create"),
        ("internal_error", "request id: r-1"),
    ],
)
async def test_refusals_name_the_command_that_fixes_them(
    client: Client, answers: Answers, code: str, fix: str
) -> None:
    """The last line of a refusal says what to do."""
    answers.queue = [web.json_response({"code": code, "detail": "No.", "request_id": "r-1"}, status=400)]
    with pytest.raises(Refused) as refused:
        await client.get("/v1/tasks")
    assert fix in refused.value.lines()[-1]


async def test_missing_money_is_told_in_dollars(client: Client, answers: Answers) -> None:
    """A refusal for want of money says the price."""
    body = {"code": "insufficient_funds", "detail": "No.", "facts": {"needed": 50_000}}
    answers.queue = [web.json_response(body, status=402)]
    with pytest.raises(Refused, match=r"\$0\.005"):
        await client.post("/v1/tasks", {})


@pytest.mark.parametrize(
    ("status", "said"), [(200, "not a Vermilion gateway"), (404, "not a Vermilion"), (502, "failed")]
)
async def test_strangers_are_recognised(client: Client, answers: Answers, status: int, said: str) -> None:
    """A page of HTML is no answer of ours, whatever its status."""
    answers.queue = [web.Response(text="<html>", content_type="text/html", status=status)]
    with pytest.raises(CommandFailed, match=said):
        await client.get("/v1/tasks")


async def test_a_short_retry_after_is_waited_for(client: Client, answers: Answers) -> None:
    """429 and 503 prove that nothing was started, so the same request goes again, with the same Idempotency-Key."""
    busy = [
        web.json_response({"code": "c"}, status=status, headers={"retry-after": "0"}) for status in (429, 503)
    ]
    answers.queue = [*busy, web.json_response({"id": "t"})]
    assert {"id": "t"} == await client.post("/v1/tasks", {}, once="o")
    assert ["o", "o", "o"] == [request.headers["idempotency-key"] for request in answers.requests]


async def test_a_long_retry_after_is_told(client: Client, answers: Answers) -> None:
    """Nobody is kept waiting at a terminal for minutes."""
    answers.queue = [web.json_response({"code": "rate_limited"}, status=429, headers={"retry-after": "300"})]
    with pytest.raises(Refused):
        await client.get("/v1/tasks")


async def test_a_gateway_that_is_not_there_is_unreachable() -> None:
    """No connection is exit code 3 and the command that starts a gateway."""
    async with open_client(Where("http://127.0.0.1:1", None, "test")) as client:
        with pytest.raises(Unreachable) as away:
            await client.get("/v1/tasks")
    assert 3 == away.value.exit_code
    assert "serve" in away.value.lines()[-1]


async def test_downloads_go_to_the_gateway_that_was_asked(
    client: Client, answers: Answers, tmp_path: Path
) -> None:
    """A link with a public host is fetched from the address in use, with its signature."""
    answers.queue = [web.Response(body=b"picture")]
    size = await client.download("https://public.example/v1/media/1?signature=s", tmp_path / "file")
    assert (7, b"picture") == (size, (tmp_path / "file").read_bytes())
    assert "/v1/media/1?signature=s" == answers.requests[0].path_qs


async def test_following_falls_back_to_asking(client: Client, answers: Answers) -> None:
    """Where streams are refused, the task is read until it has ended."""
    answers.queue = [
        web.json_response({"code": "not_found"}, status=404),
        web.json_response(task("processing", 50)),
        web.json_response(task("completed", 100)),
    ]
    seen: list[int] = []
    ended = await follow(client, task("pending", 0), lambda changed: seen.append(changed["progress"]))
    assert ("completed", [0, 50, 100]) == (ended["status"], seen)


async def test_a_broken_stream_is_resumed(client: Client, answers: Answers) -> None:
    """A stream that ends before the task does is taken up after the last event that was seen."""
    answers.queue = [stream("7", task("processing", 10)), stream("8", task("completed", 100))]
    seen: list[int] = []
    await follow(client, task("pending", 0), lambda changed: seen.append(changed["progress"]))
    assert [0, 10, 100] == seen
    assert [None, "7"] == [request.headers.get("last-event-id") for request in answers.requests]


def where_is(server: BaseTestServer) -> Where:
    return Where(str(server.make_url("")).rstrip("/"), "k", "test")


def task(status: str, progress: int) -> dict[str, Any]:
    return {"id": "t", "status": status, "progress": progress}


def stream(event_id: str, data: dict[str, Any]) -> web.Response:
    body = web.json_response(data).text
    return web.Response(
        text=f": still here\n\nid: {event_id}\nevent: x\ndata: {body}\n\n", content_type="text/event-stream"
    )
