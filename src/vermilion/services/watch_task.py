"""Follow a task as it changes: until its end, or change by change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from vermilion.domain.tasks import ENDED
from vermilion.services.find_tasks import get_task
from vermilion.services.gateway import Gateway
from vermilion.storage.tasks import TaskRow

WAIT_S_MAX = 60.0
LOOK_ANYWAY_S = 5.0  #: notifications may get lost; this is the latency they then cost


async def wait_for_end(gateway: Gateway, account_id: UUID, task_id: UUID, wait_s: float) -> TaskRow:
    """The task once it has ended, or as it stands after `wait_s` (at most 60) or when the process is to end."""
    clock = asyncio.get_running_loop().time
    until = clock() + min(wait_s, WAIT_S_MAX)
    with gateway.watchers.watching(task_id) as changed:
        while True:
            changed.clear()
            row = await get_task(gateway, account_id, task_id)
            left = until - clock()
            if row.status in ENDED or left <= 0 or gateway.watchers.closed:
                return row
            await _wait(changed, min(left, LOOK_ANYWAY_S))


async def changes(
    gateway: Gateway, account_id: UUID, task_id: UUID, *, after_version: int = 0, idle_s: float = 15.0
) -> AsyncIterator[TaskRow | None]:
    """Each newer version of the task up to its end or the process's, and None whenever `idle_s` passed without one.

    Versions only grow, so a stream that starts again after the last version it saw misses no later one.
    """
    with gateway.watchers.watching(task_id) as changed:
        idle_since = asyncio.get_running_loop().time()
        while True:
            changed.clear()
            row = await get_task(gateway, account_id, task_id)
            if row.version > after_version:
                after_version, idle_since = row.version, asyncio.get_running_loop().time()
                yield row
            if row.status in ENDED or gateway.watchers.closed:
                return
            await _wait(changed, LOOK_ANYWAY_S)
            if asyncio.get_running_loop().time() - idle_since >= idle_s:
                idle_since = asyncio.get_running_loop().time()
                yield None


async def _wait(changed: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await changed.wait()
    except TimeoutError:
        return
