"""Banned words over HTTP: lists, checks, refusals before any hold, and what operators decide about them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow


async def ban(api: Api, *words: str, path: str = "/v1/banned-words", **more: Any) -> None:
    await api.post(path, {"words": list(words), **more})


def echo(prompt: str) -> dict[str, Any]:
    return {"model": "echo", "task_type": "echo", "input": {"prompt": prompt}}


async def test_a_banned_word_refuses_a_task_before_anything_is_held(customer: Api) -> None:
    """One error names the word, its spelling and its place; the wallet is untouched and no task exists."""
    await ban(customer, "kraken")

    status, problem = await customer.call("POST", "/v1/tasks", echo("Release the K R Ä k e n!"))

    assert (422, "banned_word") == (status, problem["code"])
    assert ["/input/prompt"] == [one["pointer"] for one in problem["problems"]]
    assert {"word": "kraken", "found": "K R Ä k e n", "start": 12, "end": 23} == problem["facts"]
    assert 0 == (await customer.get("/v1/wallet"))["held"]
    assert [] == (await customer.get("/v1/tasks"))["data"]
    await customer.echo("a cracker")


async def test_every_text_of_an_offer_is_looked_at(customer: Api) -> None:
    """Not only the prompt: every field that takes words of the customer's own, on every model."""
    await ban(customer, "kraken")
    body = {
        "model": "composer",
        "task_type": "text-to-image",
        "input": {"prompt": "sea", "negative_prompt": "kr4ken"},
    }

    status, problem = await customer.call("POST", "/v1/tasks", body)

    assert (422, "/input/negative_prompt") == (status, problem["problems"][0]["pointer"])


async def test_lists_of_accounts_are_their_own(operator: Api, customer: Api) -> None:
    """A customer's word binds nobody else, and nobody else sees it; the operator's binds everyone."""
    other = await new_customer(operator)
    own, all_ = f"own{uuid4().hex}", f"all{uuid4().hex}"
    await ban(customer, own)
    await ban(operator, all_, path="/admin/v1/banned-words")

    theirs = await other.post("/v1/prompt-checks", {"prompt": f"{own}"})
    mine = await customer.post("/v1/prompt-checks", {"prompt": f"{own}"})
    both = [await api.post("/v1/prompt-checks", {"prompt": f"{all_}"}) for api in (customer, other)]
    foreign = await other.get("/v1/banned-words")
    forbidden, _ = await customer.call("GET", "/admin/v1/banned-words")

    assert ("pass", "block") == (theirs["verdict"], mine["verdict"])
    assert "account" == mine["match"]["list"]
    assert ["everyone", "everyone"] == [check["match"]["list"] for check in both]
    assert ([], 403) == (foreign["data"], forbidden)


async def test_there_is_a_list_to_begin_with(operator: Api, customer: Api) -> None:
    """A new gateway refuses the worst, and its operator can read the list."""
    words = [word["word"] for word in (await operator.get("/admin/v1/banned-words?limit=200"))["data"]]
    check = await customer.post("/v1/prompt-checks", {"prompt": "ch1ld p0rn"})

    assert "child porn*" in words
    assert "block" == check["verdict"]


async def test_a_check_tells_word_reading_and_place(customer: Api) -> None:
    """The check says what submitting would say, how the text was read, and keeps nothing."""
    await ban(customer, "kraken")

    check = await customer.post("/v1/prompt-checks", {"prompt": "Ｔｈｅ k.r.a.k.e.n"})
    clean = await customer.post("/v1/prompt-checks", {"prompt": "a calm sea"})

    assert {
        "verdict": "block",
        "normalised": "the k r a k e n",
        "match": {
            "word": "kraken",
            "act": "block",
            "list": "account",
            "found": "k.r.a.k.e.n",
            "start": 4,
            "end": 15,
        },
    } == check
    assert {"verdict": "pass", "normalised": "a calm sea", "match": None} == clean


async def test_lists_travel_as_text(customer: Api) -> None:
    """An exported list can be imported again; comments and blank lines are left out, and it can replace all."""
    await ban(customer, "old")
    text = "# mine\n\nkraken\nflag: squid ink\nallow: kraken rum\n"

    await customer.post("/v1/banned-words/text?replace=true", text.encode())
    _, headers, exported = await customer.call_raw("GET", "/v1/banned-words/text")
    await customer.post("/v1/banned-words/text?replace=true", exported.encode())
    _, _, again = await customer.call_raw("GET", "/v1/banned-words/text")

    assert headers["content-type"].startswith("text/plain")
    assert {"kraken", "flag: squid ink", "allow: kraken rum"} == set(exported.splitlines())
    assert set(exported.splitlines()) == set(again.splitlines())
    assert "pass" == (await customer.post("/v1/prompt-checks", {"prompt": "a Kraken-Rum"}))["verdict"]


async def test_words_are_listed_in_pages_and_removed(customer: Api) -> None:
    """Adding a word twice keeps it once; removing it lets it pass at once; what is not there is 404."""
    await ban(customer, *(f"word{number}" for number in range(5)), "WORD0")
    first = await customer.get("/v1/banned-words?limit=3")
    second = await customer.get(f"/v1/banned-words?limit=3&cursor={first['next_cursor']}")

    removed, _ = await customer.call("DELETE", "/v1/banned-words?word=Word0")
    missing, _ = await customer.call("DELETE", "/v1/banned-words?word=word0")

    listed = [word["word"].lower() for page in (first, second) for word in page["data"]]
    assert [f"word{number}" for number in range(5)] == listed
    assert second["next_cursor"] is None
    assert (200, 404) == (removed, missing)
    assert "pass" == (await customer.post("/v1/prompt-checks", {"prompt": "word0"}))["verdict"]


@pytest.mark.parametrize("word", ["a", "***", "!!", "a*b"])
async def test_a_word_that_cannot_be_looked_for_is_refused(customer: Api, word: str) -> None:
    """One error names the word that is wrong, and nothing of the request is kept."""
    status, problem = await customer.call("POST", "/v1/banned-words", {"words": ["good", word]})

    assert (422, "/words/1") == (status, problem["problems"][0]["pointer"])
    assert [] == (await customer.get("/v1/banned-words"))["data"]


async def test_a_flagged_text_runs_and_is_listed(operator: Api, customer: Api) -> None:
    """What is only flagged is accepted, and an operator finds its task in the queue."""
    await ban(customer, "squid", act="flag")

    task = await customer.echo("a squid")
    [review] = await reviews_of(operator, customer)

    assert ("flag", "open", "squid", task["id"]) == tuple(
        review[name] for name in ("act", "state", "rule", "task_id")
    )


async def test_operators_decide_for_the_next_time(operator: Api, customer: Api) -> None:
    """An approved text passes from now on, a denied one is refused, and both acts are in the audit log."""
    await ban(customer, "kraken")
    await ban(customer, "squid", act="flag")
    await customer.call("POST", "/v1/tasks", echo("kraken"))
    await customer.call("POST", "/v1/tasks", echo("kraken"))
    await customer.echo("squid")
    squid, kraken = await reviews_of(operator, customer)

    await operator.post(f"/admin/v1/reviews/{kraken['id']}/decision", {"act": "approve", "note": "the rum"})
    await operator.post(f"/admin/v1/reviews/{squid['id']}/decision", {"act": "deny"})

    assert (2, None) == (kraken["seen"], kraken["task_id"])
    await customer.echo("kraken")
    assert 422 == (await customer.call("POST", "/v1/tasks", echo("squid")))[0]
    assert 422 == (await customer.call("POST", "/v1/tasks", echo("another kraken")))[0]
    acts = [act["act"] for act in (await operator.get("/admin/v1/audit"))["data"]]
    assert ["review.deny", "review.approve"] == acts[:2]


async def test_a_replay_is_answered_though_the_word_is_banned_now(customer: Api) -> None:
    """A submission that was accepted before is told again under its key; a new one is refused."""
    first = await customer.post("/v1/tasks", echo("a nautilus"), idempotency_key="once")
    await ban(customer, "nautilus")

    again = await customer.post("/v1/tasks", echo("a nautilus"), idempotency_key="once")
    fresh, _ = await customer.call("POST", "/v1/tasks", echo("a nautilus"), idempotency_key="twice")

    assert (first["id"], 422) == (again["id"], fresh)


async def test_every_node_learns_of_a_word(module_server: Server, operator: Api, customer: Api) -> None:
    """A second node that has read the list refuses a word soon after the first node banned it."""
    second = Server(module_server.data_dir / "second", **module_server.environment)
    await second.start()
    try:
        async with aiohttp.ClientSession(second.url) as session:
            there = Api(session, customer.key)
            assert "pass" == (await there.post("/v1/prompt-checks", {"prompt": "kraken"}))["verdict"]
            await ban(customer, "kraken")
            async with asyncio.timeout(PATIENCE_S):
                while (await there.post("/v1/prompt-checks", {"prompt": "kraken"}))["verdict"] == "pass":
                    await asyncio.sleep(0.02)
    finally:
        await second.stop()


async def reviews_of(operator: Api, customer: Api) -> list[Any]:
    """The open findings about a customer, newest first."""
    found: list[Any] = (await operator.get(f"/admin/v1/reviews?account_id={customer.account_id}"))["data"]
    return found
