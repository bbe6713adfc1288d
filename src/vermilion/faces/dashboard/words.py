"""How the dashboard says money, times, sizes and states. One place, so that two pages never differ."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from vermilion.domain.money import UNITS_PER_USD
from vermilion.domain.pricing import STEP_WORDS, PriceRule
from vermilion.domain.tasks import Status, Submission
from vermilion.storage.tasks import TaskRow

BALANCE_DECIMALS = 2
PRICE_DECIMALS = 3
#: (state, icon, word, tone) of every state of a task that a page can show.
STATES = {
    Status.STAGED: ("circle-dashed", "Staged", "idle"),
    Status.PENDING: ("clock", "Pending", "idle"),
    Status.PROCESSING: ("loader-circle", "Processing", "info"),
    Status.COMPLETED: ("circle-check", "Completed", "ok"),
    Status.FAILED: ("circle-x", "Failed", "bad"),
    Status.CANCELLED: ("circle-slash", "Cancelled", "idle"),
}
UNCONFIRMED = ("circle-question-mark", "Unconfirmed", "warn")


def state_of(task: TaskRow) -> tuple[str, str, str]:
    """(icon, word, tone) of a task's state."""
    if task.status == Status.PROCESSING and task.submission == Submission.UNKNOWN:
        return UNCONFIRMED
    return STATES[Status(task.status)]


def balance(units: int) -> str:
    """A balance: two decimals, rounded down so that nobody counts on money that is not there."""
    return _dollars(units, BALANCE_DECIMALS)


def price(units: int) -> str:
    """A price or an entry: three decimals, more where the amount has them."""
    return _dollars(units, PRICE_DECIMALS, exact=True)


def amount(units: int) -> str:
    """Dollars as a form has them: `0.005`, no longer than needed."""
    whole, rest = divmod(units, UNITS_PER_USD)
    digits = f"{rest:07d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def price_rule(rule: PriceRule) -> str:
    """A price rule as a person says it: `$0.005 per image`, `free`."""
    if rule.units == 0:
        return "free"
    unit = STEP_WORDS.get(rule.per, rule.per)
    varies = "from " if rule.multipliers else ""
    return f"{varies}{price(rule.units)} per {unit}"


def _dollars(units: int, decimals: int, *, exact: bool = False) -> str:
    sign = "−" if units < 0 else ""
    whole, rest = divmod(abs(units), UNITS_PER_USD)
    digits = f"{rest:07d}"
    shown = digits[:decimals]
    if exact and digits[decimals:].strip("0"):
        shown = digits.rstrip("0")
    return f"{sign}${whole:,}.{shown}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A time in the viewer's zone: `22 Nov 2026, 10:41`."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M}"


def moment_exact(at: datetime, zone: ZoneInfo) -> str:
    """A time to the second with its zone."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"


def clock(at: datetime, zone: ZoneInfo) -> str:
    """The time of day to the tenth of a second: `10:41:07.2`."""
    local = at.astimezone(zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 100_000}"


def ago(at: datetime, zone: ZoneInfo, now: datetime | None = None) -> str:
    """`12 s ago` up to a day, then the moment."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    if seconds < 0 or seconds >= 86_400:
        return moment(at, zone)
    return "just now" if seconds < 1 else f"{span(float(int(seconds)))} ago"


def span(seconds: float) -> str:
    """A duration: `8.8 s`, `3 min 12 s`, `2 h 5 min`, `3 days`."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 or seconds == int(seconds) else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days = hours // 24
    return f"{days} days" if days > 1 else "1 day"


def size(size_bytes: int) -> str:
    """A file size: `1.5 MB`."""
    amount = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")


def count(number: int) -> str:
    """A count: exact to 9,999, then `12.4 thousand`."""
    if number < 10_000:
        return f"{number:,}"
    if number < 1_000_000:
        return f"{number / 1000:.1f} thousand"
    return f"{number / 1_000_000:.1f} million"


def short_id(id_: object) -> str:
    """The recognisable part of an id for lists; a detail page shows it whole."""
    text = str(id_)
    return f"{text[:8]}…{text[-4:]}"
