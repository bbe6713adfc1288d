"""What every adapter is given and must answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from vermilion.domain.outcomes import ConnectionState, Outcome


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A credential and its options, as the adapter sees them."""

    id: UUID
    provider: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for an upstream, free of everything about money and customers.

    `files` maps input fields that named a picture, sound or video to bytes on local disk.
    A list of files has the names `images/0`, `images/1`…; what the parent made is `parent/0`, `parent/1`…, for
    providers whose manifest says that they read it. `parent_facts` is what the parent's adapter left for follow-ups.
    """

    task_id: UUID
    model: str
    task_type: str
    input: Mapping[str, Any]
    connection: ConnectionFacts
    deadline_at: datetime
    files: Mapping[str, Path] = field(default_factory=dict)
    parent_facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionDescription:
    """What an upstream says of a connection: its state and facts worth showing."""

    state: ConnectionState
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What an adapter is built with; `wake(task_id)` asks for a check of that task right away."""

    wake: Callable[[UUID], None]
    data_dir: Path
    options: Mapping[str, Any] = field(default_factory=dict)


class Adapter(Protocol):
    """The one interface of providers. Methods return outcomes; an exception is treated as `Unknown` on submit
    and as `Unavailable` on check, and is logged as a bug of the adapter.
    """

    async def submit(self, job: Job) -> Outcome:
        """Start the work once. Accepted | Succeeded | Rejected | Unavailable | Unknown."""
        ...

    async def check(self, job: Job, ticket: str | None) -> Outcome:
        """How the work stands. `ticket` None asks by our own task id after a submit of unknown fate.

        Progress | Succeeded | Rejected | Unavailable | Unknown, or Accepted when a lookup found the ticket.
        """
        ...

    async def cancel(self, job: Job, ticket: str) -> bool:
        """Ask the upstream to stop; True only if it is certain that it did."""
        ...

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> UUID | None:
        """The task that an upstream's authentic callback speaks of, or None to refuse it."""
        ...

    async def describe_connection(self, connection: ConnectionFacts) -> ConnectionDescription:
        """What the upstream says of this connection."""
        ...

    async def close(self) -> None:
        """Let go of everything held."""
        ...
