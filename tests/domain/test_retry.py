"""What follows from every answer an adapter can give: the whole table, and the promise behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from vermilion.domain.retry import (
    ATTEMPTS_MAX,
    Decision,
    End,
    Follow,
    HandBack,
    MarkUnknown,
    Traits,
    Wait,
    decide_check,
    decide_submit,
)
from vermilion.domain.tasks import Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN, REPEATABLE = Traits(), Traits(repeatable=True)
ANSWERS: dict[str, Outcome] = {
    "accepted": Accepted("ticket", check_after_s=3),
    "progress": Progress(40, check_after_s=3),
    "succeeded": Succeeded(),
    "customer": Rejected("no", Fault.CUSTOMER),
    "connection": Rejected("no", Fault.CONNECTION),
    "provider": Rejected("no", Fault.PROVIDER),
    "overloaded": Unavailable("later"),
    "out of credit": Unavailable("no", connection_state=ConnectionState.ATTENTION),
    "unknown": Unknown("?"),
}


def shape(decision: Decision) -> str:
    match decision:
        case End(status=Status.COMPLETED):
            return "complete"
        case End(error=error) if error is not None:
            return f"fail:{error.fault}"
        case HandBack(elsewhere=elsewhere, connection_state=state):
            return f"back{'-elsewhere' if elsewhere else ''}{':' + state if state else ''}"
        case _:
            return type(decision).__name__.lower()


@pytest.mark.parametrize(
    ("answer", "plain", "repeatable", "last_attempt"),
    [
        ("accepted", "follow", "follow", "follow"),
        ("succeeded", "complete", "complete", "complete"),
        ("customer", "fail:customer", "fail:customer", "fail:customer"),
        ("connection", "back-elsewhere:attention", "back-elsewhere:attention", "back-elsewhere:attention"),
        ("provider", "back-elsewhere", "back-elsewhere", "fail:provider"),
        ("overloaded", "back:resting", "back:resting", "back:resting"),
        ("out of credit", "back:attention", "back:attention", "back:attention"),
        ("unknown", "markunknown", "back", "markunknown"),
    ],
)
def test_the_table_of_submits(answer: str, plain: str, repeatable: str, last_attempt: str) -> None:
    """One decision for each answer to a submit, first time and last, for providers with and without free repeats."""
    assert plain == shape(decide_submit(ANSWERS[answer], 1, NOW, PLAIN))
    assert repeatable == shape(decide_submit(ANSWERS[answer], 1, NOW, REPEATABLE))
    assert last_attempt == shape(decide_submit(ANSWERS[answer], ATTEMPTS_MAX, NOW, PLAIN))


@pytest.mark.parametrize(
    ("answer", "plain", "repeatable", "last_attempt"),
    [
        ("accepted", "follow", "follow", "follow"),
        ("progress", "wait", "wait", "wait"),
        ("succeeded", "complete", "complete", "complete"),
        ("customer", "fail:customer", "fail:customer", "fail:customer"),
        ("connection", "fail:connection", "fail:connection", "fail:connection"),
        ("provider", "fail:provider", "fail:provider", "fail:provider"),
        ("overloaded", "wait", "wait", "wait"),
        ("out of credit", "wait", "wait", "wait"),
        ("unknown", "markunknown", "back", "markunknown"),
    ],
)
def test_the_table_of_checks(answer: str, plain: str, repeatable: str, last_attempt: str) -> None:
    """One decision for each answer about work that may be running."""
    assert plain == shape(decide_check(ANSWERS[answer], 1, NOW, PLAIN))
    assert repeatable == shape(decide_check(ANSWERS[answer], 1, NOW, REPEATABLE))
    assert last_attempt == shape(decide_check(ANSWERS[answer], ATTEMPTS_MAX, NOW, PLAIN))


def test_repeats_end() -> None:
    """Even a provider whose work may be repeated freely is not asked for ever."""
    for decide in (decide_submit, decide_check):
        assert "fail:provider" == shape(decide(Unknown("?"), ATTEMPTS_MAX, NOW, REPEATABLE))


ATTEMPTS = st.integers(1, 50)


@given(st.sampled_from(sorted(ANSWERS)), ATTEMPTS, st.booleans(), st.booleans())
def test_an_unproved_answer_never_leads_to_a_second_submit(
    answer: str, attempt: int, looks_up: bool, checking: bool
) -> None:
    """Unless repeats are free, only answers which prove that nothing runs put a task back into the queue."""
    decide = decide_check if checking else decide_submit
    proves_nothing_runs = not checking and answer in {"connection", "provider", "overloaded", "out of credit"}
    if not checking and answer == "progress":
        return
    decision = decide(ANSWERS[answer], attempt, NOW, Traits(looks_up=looks_up))

    assert proves_nothing_runs or not isinstance(decision, HandBack)


@given(st.sampled_from(sorted(ANSWERS.keys() - {"progress"})), ATTEMPTS, st.booleans())
def test_nothing_is_due_in_the_past(answer: str, attempt: int, repeatable: bool) -> None:
    """Every appointment lies at or after now, and a pause never outgrows half a minute."""
    for decide in (decide_submit, decide_check):
        match decide(ANSWERS[answer], attempt, NOW, Traits(repeatable=repeatable)):
            case Follow(check_at=at) | Wait(check_at=at) | MarkUnknown(check_at=at) | HandBack(ready_at=at):
                assert NOW <= at <= NOW + timedelta(seconds=30)


def test_a_connection_rests_as_long_as_it_asked() -> None:
    """An overloaded upstream's own number is kept; without one the rest grows with the attempts."""
    asked = decide_submit(Unavailable("later", retry_after_s=7.5), 1, NOW, PLAIN)
    rests = [cast(HandBack, decide_submit(Unavailable("later"), n, NOW, PLAIN)).rest_s for n in range(1, 9)]

    assert 7.5 == cast(HandBack, asked).rest_s
    assert [1.0, 2.0, 5.0, 15.0, 30.0, 30.0, 30.0, 30.0] == rests


@pytest.mark.parametrize("answer", [None, "<html>", 200, {"status": "ok"}])
def test_anything_else_is_a_bug_that_names_the_vocabulary(answer: Any) -> None:
    """What is not an outcome raises, and says what an adapter may answer."""
    for decide in (decide_submit, decide_check):
        with pytest.raises(TypeError, match="Rejected, Unavailable or Unknown"):
            decide(answer, 1, NOW, PLAIN)


def test_progress_is_no_answer_to_a_submit() -> None:
    """A submit without a ticket cannot be followed."""
    with pytest.raises(TypeError, match="allowed here: Accepted"):
        decide_submit(Progress(1), 1, NOW, PLAIN)
