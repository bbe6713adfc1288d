"""Who waits for a task to change: streams and `Prefer: wait`, woken by notifications from any node."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class Watchers:
    """Events by task id; an event is set at each change of its task and cleared by the waiter."""

    def __init__(self) -> None:
        self._events: dict[UUID, set[asyncio.Event]] = {}
        self.closed = False  #: nobody may wait here any longer

    @contextmanager
    def watching(self, *task_ids: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the tasks changes."""
        event = asyncio.Event()
        for task_id in task_ids:
            self._events.setdefault(task_id, set()).add(event)
        try:
            yield event
        finally:
            for task_id in set(task_ids):
                self._forget(task_id, event)

    def changed(self, payload: str) -> None:
        """Wake those who watch the tasks of a notification: ids of 32 hex digits, separated by commas."""
        if not self._events:
            return
        for hex_id in payload.split(","):
            for event in self._events.get(UUID(hex=hex_id), ()):
                event.set()

    def _forget(self, task_id: UUID, event: asyncio.Event) -> None:
        events = self._events[task_id]
        events.discard(event)
        if not events:
            del self._events[task_id]

    def wake_all(self) -> None:
        """Wake everybody: notifications may have been missed."""
        for events in self._events.values():
            for event in events:
                event.set()

    def close(self) -> None:
        """Send everybody home: the process is about to end."""
        self.closed = True
        self.wake_all()
