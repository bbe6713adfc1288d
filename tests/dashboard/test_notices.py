"""An account sees where each notification goes, and chooses mail and marks on its settings page."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dashboard.forms import form_of
from tests.dashboard.people import Person
from tests.support.server import Api

pytestmark = pytest.mark.slow
SAVE = "/settings/notifications"
TICK = 'aria-label="told"'


async def test_mail_and_marks_are_chosen(owner: Person, customer: Api) -> None:
    """What the form says is what the API tells; the page shows it again."""
    seen = await owner.see("/settings")
    fields: dict[str, Any] = form_of(seen.text, SAVE)
    fields.pop("email")
    saved = await owner.send(SAVE, **{**fields, "low_balance": "5, 20.50 0.005"})
    chosen = await customer.get("/v1/notification-settings")

    assert {"email": False, "low_balance": [205_000_000, 50_000_000, 50_000]} == chosen
    assert 'value="20.5 5 0.005"' in saved.text


async def test_the_grid_tells_who_hears_what(owner: Person, customer: Api, operator: Api) -> None:
    """An endpoint that wants one type, and a mailbox for all, each have a column; money is never told by accident."""
    hook = {"url": "https://example.com/hook", "events": ["balance.low"], "description": "the till"}
    await customer.post("/v1/webhook-endpoints", hook)
    await operator.post(
        f"/admin/v1/accounts/{customer.account_id}/notification-channels",
        {"url": "mailto:books@example.com", "description": "bookkeeping"},
    )
    text = (await owner.see("/settings")).text
    grid = text[text.index("Which notification goes where") : text.index(SAVE)]
    low, budget = (row for row in grid.split("<tr>") if "balance.low" in row or "budget.alert" in row)

    assert ("the till" in grid, "bookkeeping" in grid) == (True, True)
    assert (2, 1) == (low.count(TICK), budget.count(TICK))
    assert "has no mail server" in text


async def test_wrong_amounts_are_refused(owner: Person, viewer: Person) -> None:
    """An amount that is none is named at its field; somebody who only looks chooses nothing."""
    await owner.see("/settings")
    refused = await owner.send(SAVE, low_balance="much")
    await viewer.see("/settings")

    assert (422, True) == (refused.status, 'href="#f-low_balance"' in refused.text)
    assert 403 == (await viewer.send(SAVE, low_balance="1")).status


async def test_operators_add_places_and_take_them_away(operator_person: Person, customer: Api) -> None:
    """A mailbox for some notifications is added and removed; a wrong address is named and adds nothing."""
    page = f"/operator/accounts/{customer.account_id}/notifications"
    await operator_person.see(page)
    refused = await operator_person.send(page, url="mailto:nobody")
    added = await operator_person.send(page, url="mailto:ops@example.com", types="budget.reached")
    remove = next(part for part in added.text.split('"') if part.endswith("/remove"))
    removed = await operator_person.send(remove)

    assert (422, True) == (refused.status, "must be mailto: and one address" in refused.text)
    assert "mailto:ops@example.com" in added.text
    assert (200, False) == (removed.status, "mailto:ops@example.com" in removed.text)
