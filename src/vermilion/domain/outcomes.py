"""The closed vocabulary in which adapters answer; anything else is a bug."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Fault(StrEnum):
    """Who has to change something before the same work can succeed."""

    CUSTOMER = "customer"
    CONNECTION = "connection"
    PROVIDER = "provider"


class ConnectionState(StrEnum):
    """What a connection can do at the moment."""

    ACTIVE = "active"
    PAUSED = "paused"  #: the operator stopped new work
    RESTING = "resting"  #: asked to wait (overload, window used up); wakes by itself
    ATTENTION = "attention"  #: a person has to act: bad credential, out of credit, banned
    SUSPENDED = "suspended"  #: turned off: what is bound to it is refused rather than kept waiting


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One produced file: exactly one of `content`, `path` (local) or `url` (fetched) is set."""

    content: bytes | None = None
    path: Path | None = None
    url: str | None = None
    name: str = "output"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The upstream took the work; `ticket` is how it is asked about later."""

    ticket: str
    check_after_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Still working. `percent` is 0-100 and never goes back."""

    percent: int
    text: str | None = None
    check_after_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Done. `facts` is shown to the customer in `output`; `provider_facts` is kept for follow-ups only.

    `actual_usage` names quantities of the price rule (`images`, `seconds`, …) to re-price by; None charges the hold.
    """

    outputs: tuple[OutputFile, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    provider_facts: Mapping[str, Any] = field(default_factory=dict)
    actual_usage: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A definite no that proves no work is running upstream."""

    reason: str
    fault: Fault
    code: str = "rejected"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Not now, and nothing was started (submit) or nothing is known yet (check)."""

    reason: str
    retry_after_s: float | None = None
    connection_state: ConnectionState = ConnectionState.ACTIVE


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request was sent and no answer came (submit), or the upstream does not know the ticket (check)."""

    reason: str


Outcome = Accepted | Progress | Succeeded | Rejected | Unavailable | Unknown
