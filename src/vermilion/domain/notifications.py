"""What accounts and operators are told of besides their tasks, and how it reads to a person."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.money import dollars

TEST = "webhook.test"
MONEY = frozenset({"available", "mark", "units", "used", "cap_units"})  #: facts that are units

#: Every type: what it means, and the sentence for people, made from its facts.
TYPES: dict[str, tuple[str, str]] = {
    "balance.low": (
        "What is left in the wallet fell below a mark.",
        "The balance of {account} is down to {available}, below your mark of {mark}.",
    ),
    "budget.alert": (
        "A share of the account's budget was used.",
        "{account} has used {percent} % of its budget of {units} (window: {window}).",
    ),
    "budget.reached": (
        "A task was refused because the account's budget is used up.",
        "The budget of {account}, {units}, is used up; new tasks are refused until {resets_at}.",
    ),
    "key.cap_reached": (
        "A task was refused because an API key's spend cap is used up.",
        "An API key of {account} has reached its spend cap of {cap_units}; its tasks are refused.",
    ),
    "endpoint.disabled": (
        "A webhook endpoint was switched off.",
        "The endpoint {url} was switched off: {reason}. Switch it on once it answers, and replay what it missed.",
    ),
    "connection.attention": (
        "A connection stopped and needs a person.",
        "The connection {provider}/{name} needs attention: {reason}",
    ),
    "connection.limit_reached": (
        "A connection rests because its provider's limit is used up.",
        "The connection {provider}/{name} has reached its provider's limit and rests until {limit_until}.",
    ),
    "connections.none_active": (
        "Nothing is left that could run tasks of a queue.",
        "No connection is left that runs {queue}.",
    ),
    "penalty.triggered": (
        "A plan's rule against misuse took effect.",
        "A penalty took effect for {account}: {penalty_type}.",
    ),
    "quota.exchange_failed": (
        "A task was refused because the wallet does not cover its family; once a day and family.",
        "The credits of {account} do not cover its {quota_type} tasks: {available} are left for them.",
    ),
    TEST: (
        "Sent on request, to try an endpoint.",
        "This is a test message of {account}.",
    ),
}


class Notification(msgspec.Struct, frozen=True):
    """Something to tell an account, or every operator if none is named; under the name `once` it is said once."""

    type: str
    facts: dict[str, Any]
    account_id: UUID | None = None
    once: str | None = None


def penalty(
    kind: str, account_id: UUID, task_id: UUID | None, *, day: date, threshold: int, cap_usage: int
) -> Notification:
    """A rule of a plan that takes effect with this task; each kind is told once a day."""
    facts = {
        "penalty_type": kind,
        "task_id": "" if task_id is None else str(task_id),
        "threshold": threshold,
        "cap_usage": cap_usage,
    }
    return Notification("penalty.triggered", facts, account_id, once=f"{kind}:{day}")


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"({key.replace('_', ' ')} unknown)"


def sentence(type_: str, facts: dict[str, Any]) -> str:
    """What to write to a person."""
    _, template = TYPES.get(type_, ("", type_))
    shown = {
        name: "further notice"
        if fact is None
        else dollars(fact)
        if name in MONEY and isinstance(fact, int)
        else fact
        for name, fact in facts.items()
    }
    text = template.format_map(_Blank({"account": "your account", **shown}))
    return text[:1].upper() + text[1:]


def is_mailable(address: str) -> bool:
    """Whether mail to this address can arrive: not at this machine's placeholder names."""
    _, at, domain = address.rpartition("@")
    return bool(at) and "." in domain and not domain.endswith((".local", ".localhost", ".invalid"))
