"""The form of a plan: drawn from a plan, and read back to a request. Pure; knows no request of HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_type_hints

import msgspec

from vermilion.domain.plan_rules import HideableOutput, PlanRules
from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.dashboard import words
from vermilion.faces.dashboard.pages.keys import units_of
from vermilion.services.save_plan import PlanRequest

MEGABYTE = 1_000_000
#: Whole numbers: label and help.
NUMBERS = {
    "concurrency_total": ("Tasks at once", "More wait their turn."),
    "weight": ("Weight in the queue", "2 gets twice the turns of 1."),
    "requests_per_minute": ("Requests a minute", ""),
    "priority_best": ("Most urgent priority", "0 is the most urgent, 9 the least."),
    "retention_days": ("Files are kept for days", ""),
    "error_tasks_max": ("Failures a day by the customer's fault", ""),
    "relax_tasks_max": ("Relaxed Midjourney tasks a day", "More cost double."),
}
#: Sizes, typed in MB.
SIZES = {"upload_bytes_max": ("Largest upload in MB", ""), "media_bytes_max": ("All stored files in MB", "")}
#: Without them there is no bound.
OPTIONAL = ("media_bytes_max", "error_tasks_max", "relax_tasks_max")
PERIODS = {"day": "day", "week": "week", "month": "month", "year": "year"}
PENALTIES = {"block": "No more tasks that day", "charge": "Each further one costs its price"}
CHECKS = {
    "": "As the operator's setting says",
    "off": "Not looked at",
    "flag": "Noted for review",
    "block": "Refused",
}
OUTPUTS: tuple[str, ...] = get_args(HideableOutput)
IN_RULES = ("relax_tasks_max", "media_check")


def fields_of(plan: PlanRequest) -> dict[str, str]:
    """Every field of the form with its text; families are `at_once:<family>` and `percent:<family>`."""
    rules = plan.rules
    texts = {name: _text(getattr(rules if name in IN_RULES else plan, name)) for name in NUMBERS}
    return {
        "id": plan.id,
        "name": plan.name or "",
        **texts,
        **{name: _megabytes(getattr(plan, name)) for name in SIZES},
        "quota": words.amount(plan.quota_units) if plan.quota_units else "",
        "quota_period": plan.quota_period,
        "error_penalty": plan.error_penalty,
        "media_check": rules.media_check or "",
        **{f"at_once:{family}": str(number) for family, number in plan.concurrency_family.items()},
        **{f"percent:{family}": str(percent) for family, percent in rules.price_percent.items()},
        **{f"hide:{output}": "on" for output in rules.hidden_outputs},
    }


def read_plan_form(sent: Mapping[str, Any], families: Iterable[str]) -> PlanRequest:
    """The plan that a form means. Raises InvalidRequest naming every wrong field as the form has it."""
    texts = {name: value.strip() for name, value in sent.items() if isinstance(value, str)}
    problems: list[FieldProblem] = []
    asked: dict[str, Any] = {"id": texts.get("id", ""), "name": texts.get("name") or None}
    asked |= {name: _number(texts, name, problems) for name in NUMBERS}
    asked |= {name: _bytes(texts, name, problems) for name in SIZES}
    asked |= {"quota_units": _quota(texts, problems), "quota_period": texts.get("quota_period", "month")}
    asked |= {"error_penalty": texts.get("error_penalty", "block")}
    families = tuple(families)
    asked["concurrency_family"] = _by_family(texts, "at_once", families, problems)
    rules: dict[str, Any] = {name: asked.pop(name) for name in IN_RULES if name in asked}
    rules["media_check"] = texts.get("media_check") or None
    rules["price_percent"] = _by_family(texts, "percent", families, problems)
    rules["hidden_outputs"] = [output for output in OUTPUTS if texts.get(f"hide:{output}")]
    problems += _refused(asked, PlanRequest) + _refused(rules, PlanRules)
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    return msgspec.convert({**asked, "rules": rules}, PlanRequest)


def _refused(asked: Mapping[str, Any], shape: type) -> list[FieldProblem]:
    """What each field's own type says against its value, in a person's words where there are any."""
    hints = get_type_hints(shape, include_extras=True)
    problems = []
    for name, value in asked.items():
        try:
            msgspec.convert(value, hints[name])
        except msgspec.ValidationError as wrong:
            detail = str(wrong).replace("`int`", "a number").replace("`str`", "a text").split(" - at")[0]
            problems.append(FieldProblem(name, f"{_label(name)}: {detail[0].lower()}{detail[1:]}."))
    return problems


def _label(name: str) -> str:
    known = {**NUMBERS, **SIZES}
    return known[name][0] if name in known else name.replace("_", " ").capitalize()


def _number(texts: Mapping[str, str], name: str, problems: list[FieldProblem]) -> int | None:
    text = texts.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        problems.append(FieldProblem(name, f"{_label(name)}: must be a whole number."))
        return 1
    return int(text)


def _bytes(texts: Mapping[str, str], name: str, problems: list[FieldProblem]) -> int | None:
    text = texts.get(name, "")
    if not text:
        return None
    try:
        size = Decimal(text) * MEGABYTE
    except InvalidOperation:
        size = Decimal("NaN")
    if not size.is_finite() or size != int(size) or not 0 < size < 2**62:
        problems.append(FieldProblem(name, f"{_label(name)}: must be a size such as 50 or 0.5."))
        return 1
    return int(size)


def _quota(texts: Mapping[str, str], problems: list[FieldProblem]) -> int:
    try:
        return units_of(texts.get("quota", ""), "quota") or 0
    except InvalidRequest as refused:
        problems.extend(refused.problems)
        return 0


def _by_family(
    texts: Mapping[str, str], kind: str, families: tuple[str, ...], problems: list[FieldProblem]
) -> dict[str, int]:
    numbers = {}
    for family in families:
        field = f"{kind}:{family}"
        text = texts.get(field, "")
        if text and (not text.isdecimal() or len(text) > 9):
            problems.append(FieldProblem(field, f"{family}: must be a whole number, or nothing."))
        elif text:
            numbers[family] = int(text)
    return numbers


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _megabytes(size: int | None) -> str:
    if size is None:
        return ""
    whole, rest = divmod(size, MEGABYTE)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)
