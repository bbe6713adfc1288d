"""The page of plans has every field of a plan: what it shows, it saves, and nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.dashboard.forms import form_of
from tests.dashboard.people import Person
from tests.support.server import Api

from vermilion.domain.plan_rules import PlanRules
from vermilion.faces.dashboard.operator.plan_form import fields_of, read_plan_form
from vermilion.services.save_plan import PlanRequest

pytestmark = pytest.mark.slow
PLANS = "/operator/plans"
#: A plan that differs from the default one in everything; a new field of a plan has to be added here, too.
EVERYTHING = PlanRequest(
    id="everything",
    name="Everything & more",
    concurrency_total=7,
    concurrency_family={"echo": 3, "kling": 2},
    weight=4,
    requests_per_minute=123,
    upload_bytes_max=1_500_001,
    retention_days=9,
    priority_best=2,
    quota_units=12_345_678,
    quota_period="week",
    media_bytes_max=7_000_000_000,
    error_tasks_max=0,
    error_penalty="charge",
    rules=PlanRules(
        price_percent={"echo": 50, "midjourney": 0},
        relax_tasks_max=20,
        hidden_outputs=("task_progress", "discord_image_url"),
        media_check="off",
    ),
)


def test_the_plan_of_these_tests_differs_in_every_field() -> None:
    """Whoever adds a field to plans is reminded here that the page needs it."""
    plain = PlanRequest(id="")
    for whole, default in ((EVERYTHING, plain), (EVERYTHING.rules, plain.rules)):
        same = [f for f in whole.__struct_fields__ if getattr(whole, f) == getattr(default, f)]
        assert [] == same, "set these in EVERYTHING, and add them to the page"


def test_a_form_reads_back_as_the_plan_that_it_was_drawn_from() -> None:
    """Every field is drawn, and read again as it was."""
    assert EVERYTHING == read_plan_form(fields_of(EVERYTHING), ["echo", "kling", "midjourney"])


async def test_the_page_carries_every_field(operator_person: Person, operator: Api) -> None:
    """A plan saved under another id from the page of a plan is the same plan."""
    made = await operator.post("/admin/v1/plans", msgspec.to_builtins(EVERYTHING))
    seen = await operator_person.see(f"{PLANS}?plan=everything")
    fields: dict[str, Any] = {**form_of(seen.text, PLANS), "id": "copied"}
    saved = await operator_person.send(PLANS, **fields)
    plans = {plan["id"]: plan for plan in (await operator.get("/admin/v1/plans"))["data"]}

    assert 200 == saved.status, saved.text
    assert {**made, "id": "copied"} == plans["copied"]


async def test_wrong_fields_are_named_and_what_was_typed_stays(
    operator_person: Person, operator: Api
) -> None:
    """Each wrong field has a line that leads to it; nothing is saved."""
    seen = await operator_person.see(PLANS)
    fields: dict[str, Any] = {
        **form_of(seen.text, PLANS),
        "id": "bad id",
        "weight": "0",
        "requests_per_minute": "many",
        "upload_bytes_max": "-3",
        "quota": "lots",
        "percent:echo": "half",
        "priority_best": "12",
    }
    refused = await operator_person.send(PLANS, **fields)

    assert 422 == refused.status
    for name in (
        "id",
        "weight",
        "requests_per_minute",
        "upload_bytes_max",
        "quota",
        "percent:echo",
        "priority_best",
    ):
        assert f'href="#f-{name}"' in refused.text, name
    assert 'value="many"' in refused.text
    assert "bad id" not in {plan["id"] for plan in (await operator.get("/admin/v1/plans"))["data"]}
