"""How a batch of endings changes everyone's money and places; pure, like admission."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from vermilion.domain.admission import PlanLimits
from vermilion.domain.grants import Allocation, Settlement, settle
from vermilion.domain.tasks import ACTIVE, RUNNING, Status


@dataclass(frozen=True, slots=True)
class Waiting:
    """A staged task that may be promoted."""

    id: UUID
    family: str
    queue: str
    order: tuple[int, int, UUID]  #: (priority, rank, id)


@dataclass(slots=True)
class Account:
    """An account's money and places, read under its wallet's lock; changed in place as its tasks end."""

    account_id: UUID
    held: int
    spent: int
    running: int
    limits: PlanLimits
    lanes: dict[str, int] = field(default_factory=dict)

    def free_in(self, family: str) -> int:
        """How many more tasks of this family may run."""
        total = self.limits.concurrency_total - self.running
        limit = self.limits.concurrency_family.get(family)
        return max(0, total if limit is None else min(total, limit - self.lanes.get(family, 0)))


@dataclass(frozen=True, slots=True)
class Held:
    """A task with its open hold, as read under the locks."""

    task_id: UUID
    account_id: UUID
    family: str
    status: Status
    node_id: UUID | None
    connection_id: UUID | None
    units: int
    allocations: Sequence[Allocation]


def may_end(task: Held, expected: Iterable[str], node_id: UUID | None) -> bool:
    """Whether an ending still applies: the task is in a state the writer expected and still belongs to its node."""
    if task.status not in ACTIVE or task.status not in expected:
        return False
    return node_id is None or task.node_id == node_id


def end(account: Account, task: Held, captured: int) -> Settlement:
    """Resolve the hold and free the place of one task that ends."""
    settlement = settle(task.allocations, captured)
    account.held -= task.units
    account.spent += settlement.captured
    if task.status in RUNNING:
        account.running -= 1
        account.lanes[task.family] -= 1
    return settlement


def promote(account: Account, waiting: Mapping[str, Sequence[Waiting]]) -> list[Waiting]:
    """Give the freed places to the account's staged tasks, best order first, within every limit."""
    promoted = []
    for task in sorted((t for tasks in waiting.values() for t in tasks), key=lambda t: t.order):
        if account.free_in(task.family) > 0:
            account.running += 1
            account.lanes[task.family] = account.lanes.get(task.family, 0) + 1
            promoted.append(task)
    return promoted
