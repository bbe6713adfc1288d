"""Plans: what their accounts may do."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.keys import units_of
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.open_account import DEFAULT_PLAN, save_plan
from vermilion.storage import accounts
from vermilion.storage.accounts import PlanRow

#: Whole-number fields of a plan: label and smallest value.
NUMBERS = {
    "concurrency_total": ("Tasks at once", 1),
    "weight": ("Weight in the queue", 1),
    "requests_per_minute": ("Requests a minute", 1),
    "upload_bytes_max": ("Largest upload in bytes", 1),
    "retention_days": ("Files are kept for days", 1),
    "priority_best": ("Most urgent priority, 0 to 9", 0),
}
PERIODS = ("day", "week", "month", "year")


async def show(visit: Visit) -> Response:
    """Every plan, and a form to make or change one."""
    plans = await accounts.read_plans(visit.gateway.database)
    edited = next((plan for plan in plans if plan.id == visit.query("plan")), None)
    return await page(
        visit,
        "operator/plans.html",
        title="Plans & grants",
        plans=plans,
        edited=edited or msgspec.structs.replace(DEFAULT_PLAN, id="", name=""),
        is_new=edited is None,
        numbers=NUMBERS,
        periods=PERIODS,
    )


async def save(visit: Visit) -> Response:
    """Save a plan; where its limits grow, waiting tasks go on at once."""
    id_ = visit.text("id")
    plans = await accounts.read_plans(visit.gateway.database)
    known = next((plan for plan in plans if plan.id == id_), DEFAULT_PLAN)
    plan = msgspec.structs.replace(
        known,
        id=id_,
        name=visit.text("name") or id_,
        quota_units=units_of(visit.text("quota"), "/quota") or 0,
        quota_period=visit.text("quota_period") if visit.text("quota_period") in PERIODS else "month",
        **_numbers(visit),
    )
    _check(plan)
    await save_plan(visit.gateway, visit.bearer, plan)
    return see("/operator/plans", told=f"Saved {plan.name}.")


def _numbers(visit: Visit) -> dict[str, int]:
    wrong = [name for name in NUMBERS if not visit.text(name).isdecimal()]
    if wrong:
        problems = tuple(FieldProblem(f"/{name}", "must be a whole number") for name in wrong)
        raise InvalidRequest(problems=problems)
    return {name: int(visit.text(name)) for name in NUMBERS}


def _check(plan: PlanRow) -> None:
    if not plan.id or not plan.id.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise InvalidRequest(problems=(FieldProblem("/id", "must be letters, digits, `.`, `_` or `-`"),))
    for name, (_, smallest) in NUMBERS.items():
        if not smallest <= getattr(plan, name) < 2**31:
            raise InvalidRequest(problems=(FieldProblem(f"/{name}", f"must be at least {smallest}"),))
