"""When to look at each task in flight: one heap and a fixed set of workers, however many tasks there are."""

from __future__ import annotations

import asyncio
import heapq
from uuid import UUID


class Timetable:
    """Task ids by the loop time at which they are due; the earliest appointment of a task counts."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, UUID]] = []
        self._due_at: dict[UUID, float] = {}
        self._sooner = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due_at)

    def set(self, task_id: UUID, after_s: float) -> None:
        """Be due `after_s` from now, replacing any appointment this task has."""
        due_at = asyncio.get_running_loop().time() + max(0.0, after_s)
        self._due_at[task_id] = due_at
        heapq.heappush(self._heap, (due_at, task_id))
        if self._heap[0][1] == task_id:
            self._sooner.set()

    def drop(self, task_id: UUID) -> None:
        """Forget a task."""
        self._due_at.pop(task_id, None)

    async def next(self) -> UUID:
        """Wait for the next task that is due; it has no appointment any more."""
        while True:
            self._sooner.clear()
            wait_s = self._wait_s()
            if wait_s == 0.0:
                _, task_id = heapq.heappop(self._heap)
                del self._due_at[task_id]
                return task_id
            try:
                async with asyncio.timeout(wait_s):
                    await self._sooner.wait()
            except TimeoutError:
                continue

    def _wait_s(self) -> float | None:
        """Seconds until the first live appointment: 0 if it is due, None if there is none."""
        while self._heap and self._due_at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        return max(0.0, self._heap[0][0] - asyncio.get_running_loop().time())
