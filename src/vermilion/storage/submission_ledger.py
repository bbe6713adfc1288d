"""What a batch of submissions is decided on: the state of everyone in it, and what the batch changes of that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.admission import AccountState, Admission, KeyCap, admit
from vermilion.domain.grants import Grant
from vermilion.domain.money_alerts import budget_reached, cap_reached, funds_short, money_alerts
from vermilion.domain.notifications import Notification
from vermilion.domain.submission import Accepted, NewTask
from vermilion.domain.tasks import Status
from vermilion.domain.webhooks import HEARS_STEPS
from vermilion.errors import (
    BudgetReached,
    IdempotencyMismatch,
    InsufficientFunds,
    NotFound,
    SpendCapReached,
    VermilionError,
)
from vermilion.storage import budgets
from vermilion.storage.budgets import BUDGET
from vermilion.storage.columns import texts
from vermilion.storage.submission_rows import SubmissionRows
from vermilion.storage.wallet_locks import counts, plan_limits

# Everything that admission depends on, as of one moment: accounts with a row for each open grant, and the clocks.
READ_STATE = f"""
SELECT 'account' AS kind, w.account_id, g.id, g.scope AS name, g.remaining AS units, NULL::bigint AS used,
       g.expires_at AS at, g.created_at, NULL::bytea AS hash, w.xmin::text AS version, w.running, w.lanes, w.turns,
       w.hears, {BUDGET} AS budget, a.status = 'active' AS active, p.concurrency_total, p.concurrency_family,
       p.weight, p.priority_best, clock_timestamp() AS now
FROM wallets w JOIN accounts a ON a.id = w.account_id JOIN plans p ON p.id = a.plan_id
LEFT JOIN grants g ON g.account_id = w.account_id AND g.closed_at IS NULL
WHERE w.account_id = ANY($1::text::uuid[])
UNION ALL
SELECT 'clock', NULL, NULL, queue, virtual_time, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM queue_clock WHERE queue = ANY($2::text[])
"""

# The same for a batch with keys that have caps or with idempotency keys. Most have neither, and a statement costs
# what it could do as well.
READ_ALL_STATE = f"""{READ_STATE}
UNION ALL
SELECT 'cap', account_id, id, cap_window, cap_units, cap_used, cap_window_start, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM api_keys WHERE id = ANY($3::uuid[]) AND cap_units IS NOT NULL
UNION ALL
SELECT 'seen', i.account_id, i.task_id, i.key, NULL, NULL, i.created_at, NULL, i.request_hash || i.first_status::bytea,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($4::uuid[], $5::text[]) AS asked (account_id, key) JOIN idempotency i USING (account_id, key)
"""


@dataclass(slots=True)
class KnownAccount:
    """An account as it was read, and as batches have left it since."""

    state: AccountState
    #: Of the wallet with this state; None while the batch that changed it is being written.
    version: str | None
    hears_steps: bool
    read_at: float  #: by our clock
    written_at: float = 0.0


class SubmissionLedger:
    """The state of everyone in a batch, and what the batch changes of it: its tasks are taken one after the other."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now  #: the moment of this batch, by the database's clock
        self.read_at: float | None = None  #: the same by ours, if the state was read for this batch
        self.accounts: dict[UUID, KnownAccount] = {}
        self.caps: dict[UUID, KeyCap] = {}
        self.clocks: dict[str, int] = {}  #: of all queues in the batch
        self.seen: dict[tuple[UUID, str], tuple[bytes, Accepted]] = {}
        self.taken: list[NewTask] = []
        self.results: list[Accepted | Exception] = []  #: of those taken
        self.told: list[Notification] = []
        self.told_staged: list[UUID] = []  #: tasks that may have to be told of
        self.version_written: str | None = None  #: of the wallets of all accounts with a new task
        self._rows = SubmissionRows()
        self._spent: dict[UUID, dict[UUID, int]] = {}  # of grants, by account

    @classmethod
    async def read(cls, connection: Any, batch: list[NewTask]) -> SubmissionLedger:
        """What admission needs, as of now."""
        ledger = cls()
        ledger.clocks = dict.fromkeys([task.queue for task in batch], 0)
        keyed = [task for task in batch if task.idempotency_key is not None]
        capped = [task.key_id for task in batch if task.key_capped]
        arguments: list[Any] = [texts({task.account_id for task in batch}), list(ledger.clocks)]
        sql = READ_STATE
        if keyed or capped:
            sql = READ_ALL_STATE
            arguments += [capped, [t.account_id for t in keyed], [t.idempotency_key for t in keyed]]
        rows = await connection.fetch(sql, *arguments)
        ledger.read_at = time.monotonic()
        for row in rows:
            ledger._note(row, ledger.read_at)
        return ledger

    @property
    def has_tasks(self) -> bool:
        """Whether a task was accepted."""
        return self._rows.has_tasks

    @property
    def has_more(self) -> bool:
        """Whether there is more to write than tasks, which few batches have."""
        return bool(self.told or self.told_staged or self.watched(set()))

    def left(self) -> Iterator[tuple[UUID, KnownAccount]]:
        """The accounts that have new tasks."""
        return ((account_id, self.accounts[account_id]) for account_id in self._spent)

    def take_all(self, batch: list[NewTask]) -> None:
        """Accept or refuse each of a batch, and have accounts told of what that does to their money."""
        for task in batch:
            try:
                self.take(task)
            except VermilionError as refusal:
                self._note_refusal(task, refusal)
                self.taken.append(task)
                self.results.append(refusal)
        if self.now is not None:
            for account_id in self._spent:
                self.told += money_alerts(self.accounts[account_id].state, self.now)

    def take(self, task: NewTask) -> None:
        """Accept one submission, or raise its refusal and change nothing."""
        accepted = self._first_answer(task) or self._accept(task)
        self.taken.append(task)
        self.results.append(accepted)

    def statement(self) -> tuple[str, list[Any]]:
        """The statement that writes the tasks, and its parameters. Wallets come in the order in which all lock them."""
        for account_id in sorted(self._spent):
            account = self.accounts[account_id]
            self._rows.add_wallet(account.state, account.version or "", self._spent[account_id])
        for task in self.taken:
            if task.key_id is not None and (cap := self.caps.pop(task.key_id, None)) is not None:
                self._rows.add_cap(task.account_id, cap)
        return self._rows.statement(self.now)

    def watched(self, stale: set[UUID]) -> list[tuple[AccountState, str | None]]:
        """Accounts whose budget or marks changed, with the version they must still have if nothing else was written."""
        return [
            (account.state, None if account_id in self._spent else account.version)
            for account_id, account in self.accounts.items()
            if account_id not in stale and budgets.is_changed(account.state)
        ]

    def _accept(self, task: NewTask) -> Accepted:
        account = self.accounts.get(task.account_id)
        if account is None or self.now is None:
            raise NotFound("This account does not exist.")
        admission = admit(
            account.state,
            task,
            cap=self.caps.get(task.key_id) if task.key_id else None,
            virtual_time=self.clocks.get(task.queue, 0),
            now=self.now,
        )
        self._note_admission(task, admission, account.hears_steps)
        accepted = Accepted(task.id, str(admission.status), self.now)
        if task.idempotency_key is not None and task.request_hash is not None:
            self.seen[task.account_id, task.idempotency_key] = (task.request_hash, accepted)
        return accepted

    def _note_admission(self, task: NewTask, admission: Admission, hears_steps: bool) -> None:
        self._rows.add_task(task, admission)
        spent = self._spent.setdefault(task.account_id, {})
        for part in admission.allocations:
            spent[part.grant_id] = spent.get(part.grant_id, 0) + part.units
        if task.told is not None:
            self.told.append(task.told)
        if admission.status is Status.STAGED and (hears_steps or "task.staged" in (task.webhook or "")):
            self.told_staged.append(task.id)

    def _note_refusal(self, task: NewTask, refusal: VermilionError) -> None:
        """Have the account told, once, that it or its key has spent what it may."""
        known = self.accounts.get(task.account_id)
        if known is None or self.now is None:
            return
        account = known.state
        cap = self.caps.get(task.key_id) if task.key_id else None
        if isinstance(refusal, SpendCapReached) and cap is not None:
            self.told.append(cap_reached(task.account_id, cap))
        elif isinstance(refusal, InsufficientFunds):
            self.told.append(funds_short(account, task.family, self.now))
        elif isinstance(refusal, BudgetReached) and account.budget is not None and account.budget.refused():
            self.told.append(budget_reached(task.account_id, account.budget, self.now))

    def _first_answer(self, task: NewTask) -> Accepted | None:
        if task.idempotency_key is None:
            return None
        known = self.seen.get((task.account_id, task.idempotency_key))
        if known is None:
            return None
        if known[0] != task.request_hash:
            raise IdempotencyMismatch
        return msgspec.structs.replace(known[1], replayed=True)

    def _note(self, row: Any, read_at: float) -> None:
        kind, account_id, id_, name, units, used, at, created_at, hash_, *of_account = row
        if kind == "account":
            known = self.accounts.get(account_id) or self._note_account(account_id, of_account, read_at)
            if id_ is not None:
                known.state.grants.append(Grant(id_, name, units, at, created_at))
        elif kind == "cap":
            self.caps[id_] = KeyCap(id_, units, name, at, used)
        elif kind == "clock":
            self.clocks[name] = units
        else:
            self.seen[account_id, name] = (hash_[:32], Accepted(id_, hash_[32:].decode(), at))

    def _note_account(self, account_id: UUID, of_account: list[Any], read_at: float) -> KnownAccount:
        version, running, lanes, turns, hears, budget, active, *limits, self.now = of_account
        state = AccountState(account_id, active, running, plan_limits(*limits), counts(lanes), counts(turns))
        if budget is not None:
            budgets.read_into(state, budget)
        known = self.accounts[account_id] = KnownAccount(state, version, bool(hears & HEARS_STEPS), read_at)
        return known
