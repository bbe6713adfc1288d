"""The direct way of busy requests answers what ASGI's way answers, whatever a client sends and however it arrives."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
import uvicorn
from tests.support.patience import PATIENCE_S
from tests.support.server import OPERATOR_KEY

from vermilion.app import Application, build_app
from vermilion.bootstrap import running
from vermilion.http.asgi import Answer, Receive, Scope
from vermilion.http.direct import DirectProtocol
from vermilion.http.edge import Answering, Edge
from vermilion.settings import load_settings

pytestmark = pytest.mark.slow

KEY = f"Authorization: Bearer {OPERATOR_KEY}"
GOOD = b'{"model":"echo","task_type":"echo","input":{"prompt":"direct"},"metadata":{"room":"blue"}}'
BODY_BYTES_MAX = 8_000  # arrives in one piece
TIMEOUT_S = PATIENCE_S
NOBODYS_TASK = "/v1/tasks/01900000-0000-7000-8000-000000000000"
#: What differs between two requests that are the same: ids, times, and the rate.
CHANGING = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z|(?<=x-ratelimit-re)(?:maining|set): \d+"
    rb'|(?<="queue_position":)\d+'
)


class CountingEdge(Edge):
    """Counts the requests that came the direct way."""

    direct = 0

    async def answer(self, part: Answering, scope: Scope, receive: Receive) -> Answer:
        """As the edge, counted."""
        self.direct += 1
        return await super().answer(part, scope, receive)


class Both:
    """One application behind uvicorn's protocol and behind ours."""

    def __init__(self, app: Application, edge: CountingEdge, plain: uvicorn.Server, direct: uvicorn.Server):
        self.app, self.edge, self.plain, self.direct = app, edge, plain, direct

    async def same(self, sent: bytes, *, direct: int) -> bytes:
        """What both answer to these bytes, and that so many of its requests took the direct way."""
        before = self.edge.direct
        expected, actual = await _exchange(self.plain, sent), await _exchange(self.direct, sent)
        assert CHANGING.sub(b"*", expected) == CHANGING.sub(b"*", actual), sent[:100]
        assert before + direct == self.edge.direct, sent[:100]
        return actual


@pytest.fixture
async def both(database_url: str, tmp_path: Path) -> AsyncIterator[Both]:
    """A gateway in this process behind both protocols, with a funded operator."""
    settings = load_settings(
        {},
        data_dir=tmp_path,
        database_url=database_url,
        echo=True,
        operator_key=OPERATOR_KEY,
        role="api",
        request_body_bytes_max=BODY_BYTES_MAX,
    )
    async with AsyncExitStack() as exits:
        app = build_app(await exits.enter_async_context(running(settings)))
        edge = CountingEdge(app.edge._app)
        protocol = cast(Any, partial(DirectProtocol, edge=edge, routes=app.hot))
        servers = [await exits.enter_async_context(_serving(edge, http)) for http in ("httptools", protocol)]
        both = Both(app, edge, *servers)
        account = json.loads(_body(await _exchange(both.plain, _request("GET /v1/account"))))
        grant = _request(
            f"POST /admin/v1/accounts/{account['id']}/grants", body=b'{"units": 1000000000, "kind": "topup"}'
        )
        assert b"201" in (await _exchange(both.plain, grant)).splitlines()[0]
        yield both


def _request(line: str, *headers: str, key: str | None = KEY, body: bytes | None = None) -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: gateway", *([key] if key else []), *headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _chunked(*pieces: bytes, trailer: bytes = b"") -> bytes:
    head = _request("POST /v1/tasks", "Transfer-Encoding: chunked")
    return (
        head
        + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        + b"0\r\n"
        + trailer
        + b"\r\n"
    )


def _post(body: bytes = GOOD, *headers: str) -> bytes:
    return _request("POST /v1/tasks", *headers, body=body)


LAST = _request("GET /last", "Connection: close", key=None)
DIRECT = {
    "a submission": _post(),
    "not JSON": _post(b"{"),
    "wrong types": _post(b'{"model": 1, "task_type": "echo", "input": []}'),
    "unknown fields": _post(b'{"model":"echo","task_type":"echo","input":{"prompt":"x"},"more":1}'),
    "unknown model": _post(b'{"model":"nobody","task_type":"echo","input":{}}'),
    "wrong input": _post(b'{"model":"echo","task_type":"echo","input":{"latency_s":"long"}}'),
    "NUL": _post(b'{"model":"echo","task_type":"echo","input":{"prompt":"a\\u0000b"}}'),
    "not UTF-8": _post(b'{"model":"\xff"}'),
    "deep nesting": _post(b"[" * 7_000),
    "no body": _post(b""),
    "no length": _request("POST /v1/tasks"),
    "no key": _request("POST /v1/tasks", key=None, body=GOOD),
    "wrong key": _request("POST /v1/tasks", key="Authorization: Bearer vrm_wrong", body=GOOD),
    "key in x-api-key": _request("POST /v1/tasks", key=f"X-API-Key: {OPERATOR_KEY}", body=GOOD),
    "two keys": _request("POST /v1/tasks", "Authorization: Bearer second", body=GOOD),
    "own request id": _post(GOOD, "X-Request-Id: my-request-1"),
    "strange request id": _post(GOOD, "X-Request-Id: a\tb;c"),
    "header in Latin-1": _post(GOOD, "X-Note: caf\xe9"),
    "bad idempotency key": _post(GOOD, "Idempotency-Key: a b"),
    "waiting": _post(GOOD, "Prefer: wait=0"),
    "connection: close": _post(GOOD, "Connection: close"),
    "a read": _request(f"GET {NOBODYS_TASK}"),
    "a read with a body": _request(f"GET {NOBODYS_TASK}", body=b"ignored"),
    "not an id": _request("GET /v1/tasks/not-an-id"),
    "strange words": _post(b'{"model":"\\ud83d","task_type":"\xf0\x9f\x8e\xa8","input":{}}'),
    "too large": _post(b" " * (BODY_BYTES_MAX + 1)),
}
BY_ASGI = {
    "chunks": _chunked(GOOD[:20], GOOD[20:]),
    "chunks and trailers": _chunked(GOOD, trailer=b"Prefer: wait=0\r\n"),
    "HTTP/1.0": _post().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.0 that stays": _post(GOOD, "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "upgrade to HTTP/2": _post(GOOD, "Connection: close, upgrade", "Upgrade: h2c"),
    "absolute target": _request("POST http://gateway/v1/tasks", body=GOOD),
    "a query": _request("POST /v1/tasks?x=1", body=GOOD),
    "an empty query": _request("POST /v1/tasks?", body=GOOD),
    "escaped path": _request("POST /v1/t%61sks", body=GOOD),
    "escaped id": _request("GET /v1/tasks/%00"),
    "slash at the end": _request("POST /v1/tasks/", body=GOOD),
    "two slashes": _request("POST //v1/tasks", body=GOOD),
    "dots": _request("GET /v1/tasks/../account"),
    "HEAD": _request(f"HEAD {NOBODYS_TASK}"),
    "OPTIONS": _request("OPTIONS /v1/tasks"),
    "PUT": _request("PUT /v1/tasks", body=GOOD),
    "a list": _request("GET /v1/tasks"),
    "nothing there": _request("GET /nothing"),
    "two lengths": _post(GOOD, "Content-Length: 5"),
    "length and chunks": _post(GOOD, "Transfer-Encoding: chunked"),
    "negative length": _request("POST /v1/tasks", "Content-Length: -1"),
    "space in a name": _post(GOOD, "X Y: z"),
    "lower-case method": _request("post /v1/tasks", body=GOOD),
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "expects to be asked": _post(GOOD, "Expect: 100-continue"),
    "too large, and expects to be asked": _post(b" " * (BODY_BYTES_MAX + 1), "Expect: 100-continue"),
}


async def test_direct_answers_are_those_of_asgi(both: Both) -> None:
    """Good and bad requests alike: the same bytes."""
    for name, sent in DIRECT.items():
        assert (await both.same(sent, direct=1)).startswith(b"HTTP/1.1 "), name


async def test_unusual_requests_take_the_way_of_asgi(both: Both) -> None:
    """What asks more of the connection than one answer is uvicorn's business, and is answered the same."""
    for name, sent in BY_ASGI.items():
        assert (await both.same(sent, direct=0)).startswith(b"HTTP/1.1 "), name


async def test_pipelined_requests_are_answered_in_their_order(both: Both) -> None:
    """The first may go directly; those behind it wait for their turn, whichever way they take."""
    ids = [f"request-{number}" for number in range(5)]
    lines = [
        "POST /v1/tasks",
        f"GET {NOBODYS_TASK}",
        "GET /v1/account",
        "POST /v1/tasks",
        f"GET {NOBODYS_TASK}",
    ]
    bodies = [GOOD, None, None, GOOD, None]
    sent = b"".join(
        _request(line, f"X-Request-Id: {id_}", body=body)
        for line, id_, body in zip(lines, ids, bodies, strict=True)
    )

    answers = await both.same(sent, direct=1)

    assert ids == re.findall(r"x-request-id: (\S+)", answers.decode())[: len(ids)]


async def test_a_connection_serves_one_request_after_the_other(both: Both) -> None:
    """A kept connection goes on in either way, and ends when the client says so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(both.direct))
    lines = (
        "POST /v1/tasks",
        "GET /v1/account",
        f"GET {NOBODYS_TASK}",
        "POST /v1/tasks?x=1",
        "POST /v1/tasks",
    )
    seen = []
    for line in lines:
        writer.write(_request(line, body=GOOD if "POST" in line else None))
        seen.append((await _one_answer(reader)).split()[1])
    writer.write(_post(GOOD, "Connection: close"))
    last = await reader.read()

    assert [b"201", b"200", b"404", b"422", b"201"] == seen
    assert b"connection: close" in last
    writer.close()


async def test_a_request_may_be_cut_anywhere(both: Both) -> None:
    """However a request arrives, it is answered as if it came at once."""
    sent = _post(b'{"model":"echo","task_type":"echo","input":{}}')
    whole = CHANGING.sub(b"*", await _exchange(both.direct, sent))
    head = sent.index(b"\r\n\r\n") + 4
    for cut in {*range(0, len(sent), 7), head - 1, head, head + 1, len(sent) - 1}:
        async with _connected(both.direct) as (protocol, reader):
            protocol.data_received(sent[:cut])
            protocol.data_received(sent[cut:])
            protocol.data_received(_request("GET /nothing", "Connection: close"))
            assert CHANGING.sub(b"*", await _one_answer(reader)) == whole.partition(b"HTTP/1.1 404")[0], cut


async def test_a_known_head_changes_no_answer(both: Both) -> None:
    """On a connection that has sent the same head before, whole or cut, with whatever body: the same answers."""
    good_of_other_length = GOOD.replace(b"direct", b"of another length")
    read = _request(f"GET {NOBODYS_TASK}")
    async with _connected(both.direct) as (protocol, reader):
        for known in (_post(), read):
            protocol.data_received(known)
            await _one_answer(reader)
        for sent in (_post(), _post(good_of_other_length), _post(b"{"), _post(b""), read, _post()):
            answers = await _exchange(both.plain, sent)
            expected = answers[: answers.index(b"\r\n\r\n") + 4] + _body(answers)
            for cut in (0, 10, len(sent) - 1):
                protocol.data_received(sent[:cut])
                protocol.data_received(sent[cut:])
                assert CHANGING.sub(b"*", expected) == CHANGING.sub(b"*", await _one_answer(reader)), sent
        protocol.data_received(_post() + read)
        assert [b"201", b"404"] == [(await _one_answer(reader)).split()[1] for _ in range(2)]


async def test_an_idle_connection_is_closed(both: Both) -> None:
    """After its last answer a connection is kept for a while and no longer, however many requests it had."""
    async with _connected(both.direct) as (protocol, reader):
        protocol._idle._seconds = 0.2
        for _ in range(3):
            protocol.data_received(_post())
            await _one_answer(reader)
        async with asyncio.timeout(TIMEOUT_S):
            assert b"" == await reader.read()


async def test_a_body_that_never_ends_is_nobodys_task(both: Both) -> None:
    """A client that leaves in the middle of its body has asked for nothing, and the server goes on."""
    async with _connected(both.direct) as (protocol, _):
        protocol.data_received(_post()[:-5])
    answer = await _exchange(both.direct, _request("GET /v1/tasks"))

    assert [] == json.loads(_body(answer))["data"]


async def test_a_client_that_left_has_its_task(both: Both) -> None:
    """Who goes away after its request was accepted finds the task later; nothing breaks over it."""
    async with _connected(both.direct) as (protocol, _):
        protocol.data_received(_post())
    async with asyncio.timeout(TIMEOUT_S):
        while not json.loads(_body(await _exchange(both.direct, _request("GET /v1/tasks"))))["data"]:
            await asyncio.sleep(0.01)


async def test_a_replay_is_the_first_answer_in_both_ways(both: Both) -> None:
    """An idempotency key is worth the same whichever way the first request took."""
    sent = _post(GOOD, f"Idempotency-Key: {uuid4()}")

    first = await _exchange(both.direct, sent)
    replay = await _exchange(both.direct, sent)
    by_asgi = await _exchange(both.plain, sent)

    assert json.loads(_body(first)) == json.loads(_body(replay)) == json.loads(_body(by_asgi))
    assert b"idempotent-replayed" not in first
    assert b"idempotent-replayed: true" in replay
    assert b"idempotent-replayed: true" in by_asgi


async def test_a_server_that_stops_answers_what_it_has(both: Both) -> None:
    """A direct request under way is answered during the drain, and its connection then closed."""
    async with _connected(both.direct) as (protocol, reader):
        protocol.data_received(_post())
        protocol.shutdown()
        answer = await reader.read()

    assert b"HTTP/1.1 201" in answer
    assert b"connection: close\r\n" in answer


async def test_a_broken_endpoint_is_an_internal_error_in_both_ways(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody expected is a problem with the request's id, and the connection lives on."""

    async def broken(*_: object) -> Answer:
        raise ZeroDivisionError

    monkeypatch.setattr("vermilion.http.endpoints.Endpoint._admit", broken)

    answer = await both.same(_post() + _post(), direct=1)

    assert 2 == answer.count(b"HTTP/1.1 500")
    assert b'"code":"internal_error"' in answer


@asynccontextmanager
async def _serving(app: Any, http: Any) -> AsyncIterator[uvicorn.Server]:
    config = uvicorn.Config(
        app,
        port=0,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    async with asyncio.timeout(TIMEOUT_S):
        while not server.started:
            await asyncio.sleep(0.01)
    yield server
    server.should_exit = True
    await serving


def _port(server: uvicorn.Server) -> int:
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


async def _exchange(server: uvicorn.Server, sent: bytes) -> bytes:
    """Everything that the server says to these bytes, and then to a request that closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(server))
    writer.write(sent + LAST)
    async with asyncio.timeout(TIMEOUT_S):
        answer = await reader.read()
    writer.close()
    return answer


@asynccontextmanager
async def _connected(
    server: uvicorn.Server,
) -> AsyncIterator[tuple[DirectProtocol, asyncio.StreamReader]]:
    """A connection and the server's end of it, to which a test may give bytes in exactly the pieces it wants."""
    known = set(server.server_state.connections)
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(server))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not (new := server.server_state.connections - known):
                await asyncio.sleep(0)
        yield cast(DirectProtocol, new.pop()), reader
    finally:
        writer.close()


async def _one_answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(TIMEOUT_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        return head + await reader.readexactly(int(length[1]) if length else 0)


def _body(answer: bytes) -> bytes:
    """The body of the first answer."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None, head
    return rest[: int(length[1])]
