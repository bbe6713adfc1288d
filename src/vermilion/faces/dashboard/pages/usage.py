"""What was used: money, tasks, how they ended and how long they took, by day and by model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage.usage import SAMPLE, UsageRow, read_usage

RANGES = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
DAYS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
GROUPS = {"model": "Model", "task_type": "Task type", "key": "Key"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket of the chart: spend in units and its height in percent of the highest."""

    at: datetime
    spent: int
    tasks: int
    percent: float


async def show(visit: Visit) -> Response:
    """Usage of the range in the URL, grouped as it says."""
    range_ = visit.query("range") if visit.query("range") in RANGES else "7d"
    group = visit.query("by") if visit.query("by") in GROUPS else "model"
    since = datetime.now(UTC) - timedelta(days=DAYS[range_])
    bucket = "hour" if range_ == "24h" else "day"
    usage = await read_usage(
        visit.gateway.database, visit.account_id, since=since, bucket=bucket, group=group, zone=visit.zone.key
    )
    return await page(
        visit,
        "pages/usage.html",
        title="Usage",
        range=range_,
        ranges=RANGES,
        group=group,
        groups=GROUPS,
        bucket=bucket,
        total=usage.total,
        sample=SAMPLE,
        rows=usage.groups,
        bars=_bars(usage.buckets, since, STEPS[bucket], visit.zone),
    )


def _bars(buckets: list[UsageRow], since: datetime, step: timedelta, zone: ZoneInfo) -> list[Bar]:
    """A bar for every bucket of the range, also for those in which nothing happened."""
    used = {datetime.fromisoformat(row.name): row for row in buckets}
    highest = max((row.spent for row in buckets), default=0) or 1
    start = since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if step >= timedelta(days=1):
        start = start.replace(hour=0)
    bars = []
    while start <= datetime.now(UTC):
        row = used.get(start)
        spent, tasks = (row.spent, row.tasks) if row else (0, 0)
        bars.append(Bar(start, spent, tasks, round(100 * spent / highest, 2)))
        start += step
    return bars
