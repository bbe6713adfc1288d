"""The audit log, narrowed to what somebody looks for."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import pytest
from tests.dashboard.people import Person
from tests.support.server import Api

pytestmark = pytest.mark.slow
AUDIT = "/admin/v1/audit"


async def test_acts_are_found_by_kind_and_by_subject(operator_person: Person, operator: Api) -> None:
    """The page and the API tell the same acts, and the facts are words, not a document."""
    plan = f"plan-{uuid4().hex[:8]}"
    await operator.post("/admin/v1/plans", {"id": plan, "name": "Found <again>"})
    await operator.post("/admin/v1/plans", {"id": f"{plan}-other"})
    found = (await operator.get(f"{AUDIT}?subject_id={plan}&act=plan.save"))["data"]
    page = await operator_person.see(f"/operator/audit?subject={quote(plan)}")
    none = await operator_person.see("/operator/audit?act=plan.lost")

    assert [(plan, "plan.save")] == [(act["subject_id"], act["act"]) for act in found]
    assert (1, 0) == (page.text.count("Found &lt;again&gt;"), page.text.count(f"{plan}-other"))
    assert "No act matches" in none.text


async def test_nonsense_in_the_address_begins_at_the_newest(operator_person: Person) -> None:
    """A cursor that is none is no error of ours."""
    for path in ("/operator/audit", "/operator/accounts", "/operator/deliveries", "/operator/tasks"):
        assert 200 == (await operator_person.see(f"{path}?before=nonsense")).status, path
