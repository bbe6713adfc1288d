"""Plans: what their accounts may do."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.operator import plan_form
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.save_plan import PlanRequest, plan_request, save_plan
from vermilion.storage import accounts


async def show(visit: Visit) -> Response:
    """Every plan, and a form to make or change one."""
    return await _page(visit)


async def save(visit: Visit) -> Response:
    """Save a plan; where its limits grow, waiting tasks go on at once."""
    try:
        asked = plan_form.read_plan_form(visit.form, visit.gateway.catalogue.families)
        plan = await save_plan(visit.gateway, visit.bearer, asked)
    except InvalidRequest as refused:
        return await _page(visit, problems=refused.problems, status=refused.status)
    return see("/operator/plans", told=f"Saved {plan.name}.")


async def _page(visit: Visit, *, problems: tuple[FieldProblem, ...] = (), status: int = 200) -> Response:
    rows = await accounts.read_plans(visit.gateway.database)
    named = visit.query("plan") or visit.text("was")
    edited = next((plan for plan in rows if plan.id == named), None)
    asked = plan_request(edited) if edited else PlanRequest(id="")
    fields = {name: value for name, value in visit.form.items() if isinstance(value, str)}
    return await page(
        visit,
        "operator/plans.html",
        title="Error: Plans & grants" if problems else "Plans & grants",
        status=status,
        plans=[(plan, plan_request(plan)) for plan in rows],
        edited=edited,
        values=fields if problems else plan_form.fields_of(asked),
        families=visit.gateway.catalogue.families,
        errors=[(problem.pointer.removeprefix("/rules").lstrip("/"), problem.detail) for problem in problems],
        form=plan_form,
    )
