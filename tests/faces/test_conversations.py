"""Conversations with the small model: what is held and charged, what is not let in, and repeats of what was."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from tests.support.packs import INSTALL_TIMEOUT_S
from tests.support.server import Api, Server

PACKS = ("chat",)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]
LONG = "Tell me of the sea. " * 100


def chat(*texts: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    return {"model": "smollm2", "task_type": "chat", "input": {"messages": messages, **more}}


async def test_the_most_is_held_and_what_was_used_is_charged(customer: Api) -> None:
    """Every byte of the messages counts as a token until they were counted; a quote says the same as the hold."""
    asked = chat(LONG, max_tokens=8)
    quote = await customer.post("/v1/quotes", asked)
    accepted = await customer.post("/v1/tasks", asked)
    assert (3_000, 3_000) == (quote["units"], accepted["usage"]["held"])

    task = await customer.ended(accepted["id"], timeout_s=90)
    assert "completed" == task["status"], task
    assert 500 < task["output"]["usage"]["prompt_tokens"] < 992
    assert 1_000 == task["usage"]["charged"]
    assert task["output"]["message"]["content"] == task["output"]["text"]
    assert 0 == (await customer.get("/v1/wallet"))["held"]


async def test_banned_words_are_found_in_every_message_and_in_schemas(customer: Api) -> None:
    """Also in the names of a schema's fields, which come back in the answer; roles are nobody's words."""
    await customer.post("/v1/banned-words", {"words": ["kraken", "user"]})
    schema = {"type": "object", "properties": {"kraken": {"type": "string"}}}
    for pointer, asked in (
        ("/input/messages/2/content", chat("The sea?", "The sea.", "A kr4ken!")),
        ("/input/json_schema/properties/kraken", chat("The sea?", json_schema=schema)),
    ):
        status, problem = await customer.call("POST", "/v1/tasks", asked)
        assert (422, "banned_word") == (status, problem["code"])
        assert [pointer] == [one["pointer"] for one in problem["problems"]]
    assert [] == (await customer.get("/v1/tasks"))["data"]
    await customer.post("/v1/quotes", chat("The sea?"))


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"messages": []}, "/input/messages"),
        ({"messages": "hello"}, "/input/messages"),
        ({"messages": [{"role": "root", "content": "hello"}]}, "/input/messages/0/role"),
        ({"messages": [{"role": "user", "content": ""}]}, "/input/messages/0/content"),
        ({"messages": [{"role": "user", "content": "x" * 16_001}]}, "/input/messages/0/content"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "/input/messages/0"),
        ({"max_tokens": 2_049}, "/input/max_tokens"),
        ({"json_schema": "string"}, "/input/json_schema"),
    ],
)
async def test_what_is_no_conversation_is_not_accepted(
    customer: Api, given: dict[str, Any], pointer: str
) -> None:
    """The problem names the field."""
    asked = chat("Hello.")
    asked["input"] |= given
    status, problem = await customer.call("POST", "/v1/tasks", asked)
    assert (422, pointer) == (status, problem["problems"][0]["pointer"])


async def test_a_long_answer_can_be_cancelled(customer: Api) -> None:
    """Cancelled while it writes, it costs nothing."""
    task = await customer.post("/v1/tasks", chat("Write a very long story.", max_tokens=2_048, temperature=1))
    async with asyncio.timeout(60):
        while (now := await customer.get(f"/v1/tasks/{task['id']}"))["progress"] <= 40:
            assert now["status"] in ("pending", "processing"), now
            await asyncio.sleep(0.05)
    await customer.post(f"/v1/tasks/{task['id']}/cancel", {})
    ended = await customer.ended(task["id"])
    assert ("cancelled", 0) == (ended["status"], ended["usage"]["charged"])


async def test_a_repeat_is_answered_after_the_pack_is_gone(module_server: Server, customer: Api) -> None:
    """With its key it is the first task again; another body under that key and a new submission are refused."""
    key = {"Idempotency-Key": uuid4().hex}
    first = await customer.post("/v1/tasks", chat("Good morning.", max_tokens=1), **key)
    await customer.ended(first["id"], timeout_s=90)
    packs = module_server.data_dir / "packs"
    target = packs.readlink()
    packs.unlink()
    try:
        async with asyncio.timeout(60):
            while (await customer.call("POST", "/v1/tasks", chat("Good evening.")))[0] != 503:
                await asyncio.sleep(0.2)
        status, again = await customer.call("POST", "/v1/tasks", chat("Good morning.", max_tokens=1), **key)
        assert (201, first) == (status, again)
        status, problem = await customer.call("POST", "/v1/tasks", chat("Good night."), **key)
        assert (422, "idempotency_mismatch") == (status, problem["code"])
    finally:
        packs.symlink_to(target, target_is_directory=True)
