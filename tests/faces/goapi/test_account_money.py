"""The wallet that GoAPI's clients see adds up, whatever happened to the money."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.server import Api, new_customer

pytestmark = pytest.mark.slow
WALLETS = ("credit", "point", "mj", "sd", "gpts", "suno", "luma", "llm")


async def test_every_unit_is_somewhere(operator: Api) -> None:
    """After tasks that completed, failed and run, the wallets sum to what the native wallet says."""
    customer = await new_customer(
        operator, units=1_000_000, plan={"quota_units": 500_000, "quota_period": "month"}
    )
    grants = f"/admin/v1/accounts/{customer.account_id}/grants"
    await operator.post(grants, {"units": 200_000, "kind": "pack"})
    for script in ({}, {"end": "fail"}, {}):
        task = await customer.echo(**script)
        await customer.ended(task["id"])
    await operator.post(
        f"/admin/v1/accounts/{customer.account_id}/adjustments", {"units": -1_000, "reason": "a mistake"}
    )
    await customer.echo(latency_s=20)
    native: Any = await customer.get("/v1/wallet")
    shown = (await customer.get("/account/info"))["data"]
    wallet = shown["wallet"]
    assert native["available"] == sum(wallet[f"{name}_remain"] for name in WALLETS)
    assert native["held"] == sum(wallet[f"{name}_frozen"] for name in WALLETS)
    assert native["spent"] == sum(wallet[f"{name}_used"] for name in WALLETS)
    assert native["available"] == shown["remaining_credits"]
    assert native["available"] / 10_000_000 == pytest.approx(shown["equivalent_in_usd"], rel=1e-9)
    assert 0 < native["held"]
    assert 0 < native["spent"]
