"""What follows from an adapter's answer: one pure decision a moment.

Never pay an upstream twice: only answers that prove nothing was started lead to another submit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from vermilion.domain.outcomes import (
    Accepted,
    ConnectionState,
    Fault,
    Outcome,
    Progress,
    Rejected,
    Succeeded,
    Unavailable,
    Unknown,
)
from vermilion.domain.tasks import Status, TaskError

ATTEMPTS_MAX = 5  #: submits that proved to have started nothing, before the task fails
BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 30.0)
CHECK_AGAIN_S = 2.0
CHECK_UNKNOWN_S = 5.0


@dataclass(frozen=True, slots=True)
class Follow:
    """The upstream has it: keep the ticket and look again at `check_at`."""

    ticket: str
    check_at: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing final: record progress if there is any and look again at `check_at`."""

    check_at: datetime
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class HandBack:
    """Nothing was started: the task is pending again from `ready_at`, elsewhere if `elsewhere`."""

    ready_at: datetime
    elsewhere: bool
    connection_state: ConnectionState | None = None
    rest_s: float | None = None
    reason: str = ""
    code: str | None = None


@dataclass(frozen=True, slots=True)
class MarkUnknown:
    """The submit's fate is unknown: never submitted again, looked up at `check_at`."""

    check_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """The task ends. `usage` re-prices a success; everything else releases the hold."""

    status: Status
    error: TaskError | None = None
    success: Succeeded | None = None


Decision = Follow | Wait | HandBack | MarkUnknown | End


@dataclass(frozen=True, slots=True)
class Traits:
    """What a provider's manifest promises that the decision depends on."""

    repeatable: bool = False  #: starting the same work again costs nothing and harms nothing
    looks_up: bool = False  #: can be asked by our own task id


def decide_submit(outcome: Outcome, attempt: int, now: datetime, traits: Traits) -> Decision:
    """After the first answer to a submit; `attempt` counts submits from 1."""
    match outcome:
        case Accepted(ticket, check_after_s):
            return Follow(ticket, now + timedelta(seconds=check_after_s))
        case Succeeded():
            return End(Status.COMPLETED, success=outcome)
        case Rejected(reason, Fault.CUSTOMER, code):
            return _fail(code, reason, Fault.CUSTOMER)
        case Rejected() | Unavailable():
            return _elsewhere(outcome, attempt, now)
        case Unknown(reason) if traits.repeatable:
            return _hand_back(reason, attempt, now)
        case Unknown(reason):
            return MarkUnknown(now + timedelta(seconds=CHECK_UNKNOWN_S), reason)
    raise _not_an_answer(outcome, "Accepted, Succeeded, Rejected, Unavailable or Unknown")


def decide_check(outcome: Outcome, attempt: int, now: datetime, traits: Traits) -> Decision:
    """After an answer about work that was, or may have been, submitted."""
    match outcome:
        case Accepted(ticket, check_after_s):
            return Follow(ticket, now + timedelta(seconds=check_after_s))
        case Progress(check_after_s=check_after_s):
            return Wait(now + timedelta(seconds=check_after_s), outcome)
        case Succeeded():
            return End(Status.COMPLETED, success=outcome)
        case Rejected(reason, fault, code):
            return _fail(code, reason, fault)
        case Unavailable(retry_after_s=retry_after_s):
            return Wait(now + timedelta(seconds=retry_after_s or CHECK_AGAIN_S))
        case Unknown(reason) if traits.repeatable:
            return _hand_back(reason, attempt, now)
        case Unknown(reason):
            return MarkUnknown(now + timedelta(seconds=CHECK_UNKNOWN_S), reason)
    raise _not_an_answer(outcome, "Accepted, Progress, Succeeded, Rejected, Unavailable or Unknown")


def _elsewhere(outcome: Rejected | Unavailable, attempt: int, now: datetime) -> Decision:
    if isinstance(outcome, Rejected) and outcome.fault is Fault.PROVIDER and attempt >= ATTEMPTS_MAX:
        return _fail(outcome.code, outcome.reason, Fault.PROVIDER)
    if isinstance(outcome, Rejected):
        state = ConnectionState.ATTENTION if outcome.fault is Fault.CONNECTION else None
        ready_at = now if state else now + _backoff(attempt)
        return HandBack(
            ready_at, elsewhere=True, connection_state=state, reason=outcome.reason, code=outcome.code
        )
    state = outcome.connection_state
    rest_s = outcome.retry_after_s or BACKOFF_S[min(attempt, len(BACKOFF_S)) - 1]
    resting = ConnectionState.RESTING if state is ConnectionState.ACTIVE else state
    return HandBack(now, elsewhere=False, connection_state=resting, rest_s=rest_s, reason=outcome.reason)


def _hand_back(reason: str, attempt: int, now: datetime) -> Decision:
    if attempt >= ATTEMPTS_MAX:
        return _fail("attempts_used_up", reason, Fault.PROVIDER)
    return HandBack(now + _backoff(attempt) if attempt > 1 else now, elsewhere=False, reason=reason)


def _backoff(attempt: int) -> timedelta:
    return timedelta(seconds=BACKOFF_S[min(max(attempt, 1), len(BACKOFF_S)) - 1])


def _fail(code: str, reason: str, fault: Fault) -> End:
    return End(Status.FAILED, error=TaskError(code, reason, fault.value))


def _not_an_answer(outcome: object, allowed: str) -> TypeError:
    return TypeError(f"an adapter answered {outcome!r}; allowed here: {allowed}")
