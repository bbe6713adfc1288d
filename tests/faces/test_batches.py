"""Batches: checked and priced as a whole, carried out in portions beside other work, each line exactly once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer, operator_of

from vermilion.storage.database import Database

pytestmark = pytest.mark.slow

DEADLINE_S = 30  #: of lines in a gateway that is killed


def line(number: int, **script: Any) -> dict[str, Any]:
    task = {"model": "echo", "task_type": "echo", "input": {"prompt": f"line {number}", **script}}
    return {"custom_id": f"row-{number}", **task}


def jsonl(*lines: Any) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)


async def submit(api: Api, content: bytes, query: str = "", **headers: str) -> Any:
    return await api.post(f"/v1/batches{query}", content, **headers)


async def over(api: Api, batch: Any, *, timeout_s: float = PATIENCE_S) -> Any:
    async with asyncio.timeout(timeout_s):
        while (now := await api.get(f"/v1/batches/{batch['id']}"))["ended_at"] is None:
            await asyncio.sleep(0.05)
    return now


async def results_of(api: Api, batch: Any, query: str = "") -> list[Any]:
    status, headers, text = await api.call_raw("GET", f"/v1/batches/{batch['id']}/results{query}")
    assert 200 == status, text
    assert "application/jsonl" == headers["content-type"]
    return [json.loads(one) for one in text.splitlines()]


async def test_a_batch_is_done_line_by_line(customer: Api) -> None:
    """Every line becomes one task with its result under its own name, in the order of the file, paid for once."""
    content = jsonl(*(line(number) for number in range(60)))

    quote = await customer.post("/v1/batches/quote", content)
    batch = await submit(customer, content, "?name=nightly")
    ended = await over(customer, batch)
    results = await results_of(customer, batch)

    assert {"lines": 60, "units": 600_000} == quote
    assert ("running", 600_000, 60, 60, "nightly") == tuple(
        batch[name] for name in ("state", "quoted", "total", "open", "name")
    )
    assert ("completed", 60, 0, 600_000) == tuple(
        ended[name] for name in ("state", "completed", "open", "charged")
    )
    assert [f"row-{number}" for number in range(60)] == [result["custom_id"] for result in results]
    assert [f"line {number}" for number in range(60)] == [r["task"]["output"]["text"] for r in results]
    assert results[41:] == await results_of(customer, batch, "?after=41")
    assert 600_000 == (await customer.get("/v1/wallet"))["spent"]


async def test_wrong_lines_refuse_the_whole(customer: Api) -> None:
    """Every wrong line is named with its number and what is wrong with it; nothing is accepted."""
    content = jsonl(
        line(1),
        b"not json",
        {**line(3), "input": {"prompt": 7}},
        b"",
        {**line(5), "model": "nothing"},
        {**line(6), "surprise": 1},
        {**line(1)},
        b'{"custom_id": "nul", "model": "echo", "task_type": "echo", "input": {"prompt": "\\u0000"}}',
    )

    status, problem = await customer.call("POST", "/v1/batches", content)

    pointers = [one["pointer"] for one in problem["problems"]]
    assert 422 == status
    assert [
        "/lines/2",
        "/lines/3/input/prompt",
        "/lines/5",
        "/lines/6",
        "/lines/7/custom_id",
        "/lines/8",
    ] == pointers
    assert [] == (await customer.get("/v1/batches"))["data"]
    assert [] == (await customer.get("/v1/tasks"))["data"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]\n", b"{}\n", b"\xff\xfe\n"])
async def test_files_that_are_no_batch_are_refused(customer: Api, content: bytes) -> None:
    """Nothing, a list, an empty object or another encoding is one clear 422."""
    status, problem = await customer.call("POST", "/v1/batches", content)

    assert (422, "invalid_request") == (status, problem["code"])


async def test_banned_words_are_found_in_lines(customer: Api) -> None:
    """A batch is refused for a word as a task would be."""
    await customer.post("/v1/banned-words", {"words": ["kraken"]})

    status, problem = await customer.call("POST", "/v1/batches", jsonl(line(1), line(2, prompt="kr4ken")))

    assert (422, "/lines/2/input/prompt") == (status, problem["problems"][0]["pointer"])


async def test_an_uploaded_file_can_be_a_batch(operator: Api, customer: Api) -> None:
    """Lines may come as a file that was uploaded before; nobody else's file will do."""
    upload = await customer.post("/v1/media?name=rows.jsonl", jsonl(line(1), line(2)))
    stranger = await new_customer(operator)

    batch = await submit(customer, b"", f"?file_id={upload['id']}")
    foreign, _ = await stranger.call("POST", f"/v1/batches?file_id={upload['id']}", b"")
    both, _ = await customer.call("POST", f"/v1/batches?file_id={upload['id']}", jsonl(line(3)))

    assert ("application/jsonl", 404, 422) == (upload["content_type"], foreign, both)
    assert 2 == (await over(customer, batch))["completed"]


async def test_lines_that_fail_are_told_and_cost_nothing(customer: Api) -> None:
    """A failed line has its task's error; the batch is completed all the same."""
    batch = await submit(customer, jsonl(line(1), line(2, end="fail"), line(3)))

    ended = await over(customer, batch)
    failed = (await results_of(customer, batch))[1]

    assert ("completed", 2, 1, 20_000) == tuple(
        ended[name] for name in ("state", "completed", "failed", "charged")
    )
    assert ("failed", "failed") == (failed["state"], failed["task"]["status"])


async def test_a_batch_leaves_room_for_other_work(operator: Api) -> None:
    """While thousands of slow lines wait, a task of the same account starts at once, and little is held."""
    api = await new_customer(operator, plan={"concurrency_total": 4})
    batch = await submit(api, jsonl(*(line(number, latency_s=3600) for number in range(300))))
    async with asyncio.timeout(PATIENCE_S):
        while (await api.get("/v1/wallet"))["held"] < 20_000:
            await asyncio.sleep(0.05)

    task = await api.echo("urgent", prefer="wait=20")
    held = (await api.get("/v1/wallet"))["held"]
    await api.post(f"/v1/batches/{batch['id']}/cancel", None)

    assert ("completed", 20_000) == (task["status"], held)


async def test_cancelling_stops_what_can_be_stopped(customer: Api) -> None:
    """Waiting lines are given up, tasks under way are cancelled, and everything held comes back."""
    batch = await submit(
        customer, jsonl(*(line(number, latency_s=0 if number < 3 else 3600) for number in range(50)))
    )
    async with asyncio.timeout(PATIENCE_S):
        while (await customer.get(f"/v1/batches/{batch['id']}"))["completed"] < 3:
            await asyncio.sleep(0.05)

    asked = await customer.post(f"/v1/batches/{batch['id']}/cancel", None)
    ended = await over(customer, batch)
    again, _ = await customer.call("POST", f"/v1/batches/{batch['id']}/cancel")

    assert ("cancelling", "cancelled", 3, 47, 0) == (
        asked["state"],
        *(ended[name] for name in ("state", "completed", "cancelled", "open")),
    )
    assert 0 == (await customer.get("/v1/wallet"))["held"]
    assert 200 == again


async def test_a_batch_ends_with_its_window(customer: Api) -> None:
    """What is not done within the window is cancelled; what is done stays."""
    batch = await submit(
        customer, jsonl(line(1), *(line(n, latency_s=3600) for n in range(2, 30))), "?window_s=2"
    )

    ended = await over(customer, batch)

    assert ("expired", 1, 28) == tuple(ended[name] for name in ("state", "completed", "cancelled"))
    assert 409 == (await customer.call("POST", f"/v1/batches/{batch['id']}/cancel"))[0]


async def test_a_batch_waits_for_money(operator: Api) -> None:
    """Without funds a batch says so and waits; with them it goes on, and no line is lost or made twice."""
    api = await new_customer(operator, units=25_000)
    batch = await submit(api, jsonl(*(line(number) for number in range(6))))
    async with asyncio.timeout(PATIENCE_S):
        while not (waiting := await api.get(f"/v1/batches/{batch['id']}"))["problem"]:
            await asyncio.sleep(0.05)

    await operator.post(f"/admin/v1/accounts/{api.account_id}/grants", {"units": 10**6, "kind": "topup"})
    ended = await over(api, batch)

    assert "wallet" in waiting["problem"]
    assert ("completed", 6, 60_000, None) == tuple(
        ended[name] for name in ("state", "completed", "charged", "problem")
    )
    assert 6 == len((await api.get("/v1/tasks"))["data"])


async def test_a_revoked_key_ends_its_batch(customer: Api) -> None:
    """Once the key that made it is revoked, nothing more of a batch is submitted."""
    other = await customer.post("/v1/keys", {"name": "batches", "scopes": ["tasks:read", "tasks:write"]})
    theirs = Api(customer.session, other["key"])
    batch = await submit(theirs, jsonl(*(line(number, latency_s=3600) for number in range(50))))

    await customer.call("DELETE", f"/v1/keys/{other['id']}")
    ended = await over(customer, batch)

    assert ("failed", 50) == (ended["state"], ended["cancelled"])
    assert "revoked" in ended["problem"]


async def test_a_repeated_submission_is_one_batch(customer: Api) -> None:
    """The same key and file give the first batch again; another file under it is refused."""
    content = jsonl(line(1))
    first = await submit(customer, content, idempotency_key="nightly-7")

    _, headers, again = await customer.call_raw("POST", "/v1/batches", content, idempotency_key="nightly-7")
    other, problem = await customer.call("POST", "/v1/batches", jsonl(line(2)), idempotency_key="nightly-7")

    assert (first["id"], "true") == (again["id"], headers["idempotent-replayed"])
    assert (422, "idempotency_mismatch") == (other, problem["code"])


async def test_batches_are_their_accounts_own(operator: Api, customer: Api) -> None:
    """A stranger finds no batch, no results and nothing to cancel."""
    batch = await submit(customer, jsonl(line(1)))
    stranger = await new_customer(operator)

    statuses = [
        (await stranger.call(method, f"/v1/batches/{batch['id']}{rest}"))[0]
        for method, rest in (("GET", ""), ("GET", "/results"), ("POST", "/cancel"))
    ]

    assert [404, 404, 404] == statuses
    assert [] == (await stranger.get("/v1/batches"))["data"]


async def test_a_killed_gateway_makes_no_line_twice(database_url: str, data_dir: Path) -> None:
    """Killed again and again in the middle, a batch goes on where it was, each line exactly once; a line that was
    being sent at that moment may end by its deadline instead, unpaid, for nobody can know whether it arrived.
    """
    server = Server(data_dir, DATABASE_URL=database_url, VERMILION_LEASE_S="1")
    await server.start()
    async with operator_of(server) as operator:
        api = await new_customer(operator, plan={"concurrency_total": 10})
        lines = ({**line(number, latency_s=0.05), "deadline_s": DEADLINE_S} for number in range(120))
        batch = await submit(api, jsonl(*lines))
        database = Database(database_url)
        await database.open()
        # A batch of a dead node is free after its lease; here it is free at once.
        for done in (20, 60):
            async with asyncio.timeout(PATIENCE_S):
                while (await api.get(f"/v1/batches/{batch['id']}"))["completed"] < done:
                    await asyncio.sleep(0.02)
            await server.kill()
            await database.execute("UPDATE batches SET look_at = now()")
            await server.start()
        ended = await over(api, batch)
        made = await database.fetchval("SELECT count(*) FROM tasks")
        await database.close()
        wallet = await api.get("/v1/wallet")
        results = await results_of(api, batch)
    await server.stop()

    done = ended["completed"]
    lost = [result["task"]["error"] for result in results if result["task"]["error"]]
    assert ("completed", 120, 120) == (ended["state"], done + len(lost), made)
    assert len(lost) <= 2 * 5, "more lines than were under way at the two kills"
    assert {"submission_unknown"} >= {error["code"] for error in lost}
    assert (done * 10_000, 0) == (wallet["spent"], wallet["held"])
    assert 120 == len({result["task"]["id"] for result in results})
