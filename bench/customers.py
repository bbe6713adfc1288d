"""Sets up a gateway's customers through its operator API, as an operator would."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.report import InvalidMeasurement
from bench.stack import OPERATOR_KEY, Server

PLAN_ID = "benchmark"
# Limits so wide that no request of a benchmark ever meets one.
PLAN: dict[str, Any] = {
    "id": PLAN_ID,
    "name": "Benchmark",
    "concurrency_total": 1_000_000_000,
    "requests_per_minute": 1_000_000_000,
}
GRANT: dict[str, Any] = {"units": 10**15, "kind": "topup"}


@dataclass(frozen=True)
class Customer:
    """An account with money and a key."""

    account_id: str
    key: str


async def set_up_customers(server: Server, count: int) -> list[Customer]:
    """Make `count` funded accounts on a plan without practical limits."""
    headers = {"authorization": f"Bearer {OPERATOR_KEY}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        await _post(session, "/admin/v1/plans", PLAN)
        return [await _set_up_customer(session, index) for index in range(count)]


async def _set_up_customer(session: aiohttp.ClientSession, index: int) -> Customer:
    tag = f"{index}-{secrets.token_hex(4)}"
    account = {"name": f"Benchmark {tag}", "email": f"benchmark-{tag}@example.com", "plan": PLAN_ID}
    account_id = (await _post(session, "/admin/v1/accounts", account))["id"]
    await _post(session, f"/admin/v1/accounts/{account_id}/grants", GRANT)
    key = await _post(session, f"/admin/v1/accounts/{account_id}/keys", {"name": "benchmark"})
    return Customer(account_id, key["key"])


async def _post(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Refusals stop the benchmark with the server's own words."""
    async with session.post(path, json=body) as answer:
        if answer.status not in {200, 201}:
            raise InvalidMeasurement(f"POST {path} answered {answer.status}: {await answer.text()}")
        result: dict[str, Any] = await answer.json()
        return result
