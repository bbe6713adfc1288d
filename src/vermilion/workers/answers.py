"""An adapter's answer, whatever the adapter does: silence, exceptions and words outside the vocabulary included."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from vermilion.domain.outcomes import Outcome, Unavailable, Unknown
from vermilion.domain.retry import Decision, Traits
from vermilion.logs import get_logger

Decide = Callable[[Outcome, int, datetime, Traits], Decision]
Least = type[Unknown] | type[Unavailable]
log = get_logger("answers")


async def ask(call: Awaitable[Outcome], timeout_s: float, instead: Least) -> Outcome:
    """An adapter's answer; silence and exceptions become the outcome that assumes least."""
    try:
        async with asyncio.timeout(timeout_s):
            return await call
    except TimeoutError:
        return instead(reason=f"no answer within {timeout_s:g} s")
    except Exception as bug:
        log.exception("an adapter raised instead of answering")
        return instead(reason=f"{type(bug).__name__}: {bug}")


def understand(answer: Outcome, attempt: int, *, decide: Decide, traits: Traits, instead: Least) -> Decision:
    """What follows from an answer; one outside the vocabulary is taken for the outcome that assumes least."""
    now = datetime.now(UTC)
    try:
        return decide(answer, attempt, now, traits)
    except TypeError as bug:
        log.error("an adapter left the vocabulary", error=str(bug))
        return decide(instead(reason="the provider's answer could not be understood"), attempt, now, traits)
