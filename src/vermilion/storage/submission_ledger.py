"""What a batch of submissions is decided on: the state of everyone in it, and what the batch changes of that."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.admission import AccountState, Admission, Ask, KeyCap, admit
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
from vermilion.storage.submission_rows import Writing
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


class SubmissionLedger:
    """The state of everyone in a batch, and what the batch changes of it."""

    def __init__(self, queues: set[str], *, read_at: float = 0.0, read_now: datetime | None = None) -> None:
        self.queues = queues
        self.read_at, self.read_now = read_at, read_now  #: by our clock and by the database's
        self.now = read_now and read_now + timedelta(seconds=time.monotonic() - read_at)
        self.written: set[UUID] = set()
        self.version_written: str | None = None  #: of the wallets of all of these
        self.versions: dict[UUID, str] = {}
        self.accounts: dict[UUID, AccountState] = {}
        self.caps: dict[UUID, KeyCap] = {}
        self.clocks: dict[str, int] = {}
        self.seen: dict[tuple[UUID, str], tuple[bytes, Accepted]] = {}
        self.admitted: list[tuple[NewTask, Admission]] = []
        self.hearing: set[UUID] = set()
        self.told: list[Notification] = []

    @classmethod
    async def read(cls, connection: Any, batch: list[NewTask]) -> SubmissionLedger:
        """What admission needs, as of now."""
        ledger = cls({task.queue for task in batch})
        keyed = [task for task in batch if task.idempotency_key is not None]
        capped = [task.key_id for task in batch if task.key_capped]
        arguments: list[Any] = [texts({task.account_id for task in batch}), list(ledger.queues)]
        sql = READ_STATE
        if keyed or capped:
            sql = READ_ALL_STATE
            arguments += [capped, [t.account_id for t in keyed], [t.idempotency_key for t in keyed]]
        for row in await connection.fetch(sql, *arguments):
            ledger._note(row)
        ledger.read_at, ledger.read_now = time.monotonic(), ledger.now
        return ledger

    @property
    def is_whole(self) -> bool:
        """Whether it was written, and all that it changed is in it, so that the next batch may go on from it."""
        watched = (account.budget or account.low_marks for account in self.accounts.values())
        return self.version_written is not None and not any(watched) and not self.has_more

    def covers(self, batch: list[NewTask]) -> bool:
        """Whether this batch wrote everything that another one is decided on."""
        return all(
            task.account_id in self.written
            and task.queue in self.queues
            and task.idempotency_key is None
            and not task.key_capped
            for task in batch
        )

    def following(self) -> SubmissionLedger:
        """The state after this batch was written, for one that it covers."""
        following = SubmissionLedger(self.queues, read_at=self.read_at, read_now=self.read_now)
        following.clocks, following.hearing = self.clocks, self.hearing
        for account_id in self.written:
            following.accounts[account_id] = account = self.accounts[account_id]
            following.versions[account_id] = self.version_written or ""
            account.held_added = 0
        return following

    def take(self, task: NewTask) -> Accepted:
        """Accept one submission or raise its refusal."""
        if (first := self._first_answer(task)) is not None:
            return first
        account = self.accounts.get(task.account_id)
        if account is None or self.now is None:
            raise NotFound("This account does not exist.")
        admission = admit(
            account,
            Ask(task.family, task.queue, task.units, task.priority),
            cap=self.caps.get(task.key_id) if task.key_id else None,
            virtual_time=self.clocks.get(task.queue, 0),
            now=self.now,
        )
        self.admitted.append((task, admission))
        if task.told is not None:
            self.told.append(task.told)
        accepted = Accepted(task.id, str(admission.status), self.now)
        if task.idempotency_key is not None and task.request_hash is not None:
            self.seen[task.account_id, task.idempotency_key] = (task.request_hash, accepted)
        return accepted

    def writing(self) -> Writing:
        """What this batch writes. Wallets come in sorted order, in which everybody locks them."""
        queues = {task.queue for task, admission in self.admitted if admission.status is Status.PENDING}
        writing = Writing(self.now, queues)
        spent: dict[UUID, dict[UUID, int]] = {}
        for task, admission in self.admitted:
            writing.add_task(task, admission)
            of_account = spent.setdefault(task.account_id, {})
            for part in admission.allocations:
                of_account[part.grant_id] = of_account.get(part.grant_id, 0) + part.units
        self.written = set(spent)
        for account_id in sorted(spent):
            writing.add_wallet(self.accounts[account_id], self.versions[account_id], spent[account_id])
        for task, _ in self.admitted:
            if task.key_id is not None and (cap := self.caps.pop(task.key_id, None)) is not None:
                writing.add_cap(task.account_id, cap)
        return writing

    @property
    def has_more(self) -> bool:
        """Whether there is more to write than tasks, which few batches have."""
        return bool(self.told or self.told_staged() or self.watched(set()))

    def note_refusal(self, task: NewTask, refusal: VermilionError) -> None:
        """Have the account told, once, that it or its key has spent what it may."""
        account = self.accounts.get(task.account_id)
        if account is None or self.now is None:
            return
        cap = self.caps.get(task.key_id) if task.key_id else None
        if isinstance(refusal, SpendCapReached) and cap is not None:
            self.told.append(cap_reached(task.account_id, cap))
        elif isinstance(refusal, InsufficientFunds):
            self.told.append(funds_short(account, task.family, self.now))
        elif isinstance(refusal, BudgetReached) and account.budget is not None and account.budget.refused():
            self.told.append(budget_reached(task.account_id, account.budget, self.now))

    def note_alerts(self) -> None:
        """Have accounts told of the marks that their tasks crossed."""
        if self.now is not None:
            for account_id in {task.account_id for task, _ in self.admitted}:
                self.told += money_alerts(self.accounts[account_id], self.now)

    def watched(self, stale: set[UUID]) -> list[tuple[AccountState, str | None]]:
        """Accounts whose budget or marks changed, with the version they must still have if nothing else was written."""
        written = {task.account_id for task, _ in self.admitted}
        return [
            (account, None if account.account_id in written else self.versions[account.account_id])
            for account in self.accounts.values()
            if account.account_id not in stale and budgets.is_changed(account)
        ]

    def told_staged(self) -> list[UUID]:
        """Tasks that were staged and may have to be told of."""
        return [
            task.id
            for task, admission in self.admitted
            if admission.status is Status.STAGED
            and (task.account_id in self.hearing or "task.staged" in (task.webhook or ""))
        ]

    def _first_answer(self, task: NewTask) -> Accepted | None:
        if task.idempotency_key is None:
            return None
        known = self.seen.get((task.account_id, task.idempotency_key))
        if known is None:
            return None
        if known[0] != task.request_hash:
            raise IdempotencyMismatch
        return msgspec.structs.replace(known[1], replayed=True)

    def _note(self, row: Any) -> None:
        kind, account_id, id_, name, units, used, at, created_at, hash_, *of_account = row
        if kind == "account":
            account = self.accounts.get(account_id) or self._note_account(account_id, of_account)
            if id_ is not None:
                account.grants.append(Grant(id_, name, units, at, created_at))
        elif kind == "cap":
            self.caps[id_] = KeyCap(id_, units, name, at, used)
        elif kind == "clock":
            self.clocks[name] = units
        else:
            self.seen[account_id, name] = (hash_[:32], Accepted(id_, hash_[32:].decode(), at))

    def _note_account(self, account_id: UUID, of_account: list[Any]) -> AccountState:
        version, running, lanes, turns, hears, budget, active, *limits, self.now = of_account
        self.versions[account_id] = version
        if hears & HEARS_STEPS:
            self.hearing.add(account_id)
        account = self.accounts[account_id] = AccountState(
            account_id, active, running, plan_limits(*limits), counts(lanes), counts(turns)
        )
        if budget is not None:
            budgets.read_into(account, budget)
        return account
