"""Make or change a plan: what its accounts may do, what they pay, what happens when their tasks fail."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vermilion.domain.plan_rules import PlanRules
from vermilion.errors import EnginePackMissing, FieldProblem, InvalidRequest
from vermilion.services.gateway import Gateway
from vermilion.storage import accounts, audit
from vermilion.storage.accounts import Bearer, PlanRow
from vermilion.storage.endings import promote_staged

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
AS_JSON = ("concurrency_family", "rules")


class PlanRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan to make or change."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Annotated[str, Meta(max_length=200)] | None = None
    concurrency_total: Count = 20
    concurrency_family: dict[str, Count] = {}
    weight: Annotated[int, Meta(ge=1, le=1000)] = 1
    requests_per_minute: Count = 6_000
    upload_bytes_max: Annotated[int, Meta(ge=1, le=2**40)] = 50_000_000
    retention_days: Annotated[int, Meta(ge=1, le=36_500)] = 30
    priority_best: Annotated[int, Meta(ge=0, le=9)] = 5
    quota_units: Annotated[int, Meta(ge=0, le=2**53)] = 0
    quota_period: Literal["day", "week", "month", "year"] = "month"
    media_bytes_max: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    error_tasks_max: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    error_penalty: Literal["block", "charge"] = "block"
    rules: PlanRules = PlanRules()

    @property
    def row(self) -> PlanRow:
        """The plan as it is stored."""
        facts = {**msgspec.structs.asdict(self), "name": self.name or self.id}
        return PlanRow(**{**facts, **{name: msgspec.json.encode(facts[name]).decode() for name in AS_JSON}})


def plan_request(row: PlanRow) -> PlanRequest:
    """A stored plan as it would be asked for again."""
    facts = {name: getattr(row, name) for name in PlanRequest.__struct_fields__}
    return msgspec.convert(
        {**facts, **{name: msgspec.json.decode(facts[name]) for name in AS_JSON}}, PlanRequest
    )


async def save_plan(gateway: Gateway, actor: Bearer, asked: PlanRequest) -> PlanRow:
    """Make or change a plan; where its limits grow, waiting tasks go on at once.

    Raises InvalidRequest if it wants pictures checked, which this node cannot do.
    """
    if asked.rules.media_check not in (None, "off"):
        try:
            await gateway.inspect.require_guard()
        except EnginePackMissing as missing:
            raise InvalidRequest(problems=(FieldProblem("/rules/media_check", missing.detail),)) from missing
    row = await accounts.save_plan(gateway.database, asked.row)
    await promote_staged(gateway.database, row.id)
    await audit.note(gateway.database, actor.account.id, "plan.save", row.id, **msgspec.to_builtins(row))
    return row
