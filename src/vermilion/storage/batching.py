"""Coalesced calls: while one batch is under way the next one gathers, without any timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_SIZE_MAX = 256
GROWTH = 2  #: a batch is at most so many times as large as the one before it, and GROWTH_MORE more
GROWTH_MORE = 8  #: so many may be in any batch, however few are around


class Batcher(Generic[Item, Result]):
    """Turns many concurrent calls into few set-based ones.

    `flush` gets a list of items and answers a result or an exception for each, in order.
    If it raises, the items are replayed one by one, so that one bad row never harms its neighbours.
    Callers that come back at once settle into two halves, one being written while the other asks again: a batch sets
    out before the callers of the one before it go on, grows step by step, and takes no more than half of those who
    wait or were just answered. One that took everybody would leave nobody to ask meanwhile.
    `foresee` is told, while a batch is under way, who is likely to be in the next one; it must not raise.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        size_max: int = BATCH_SIZE_MAX,
        foresee: Callable[[list[Item]], None] | None = None,
    ) -> None:
        self._flush = flush
        self._size_max = size_max
        self._foresee = foresee
        self._looks_ahead = False
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._size_before = 0
        self._under_way = False
        self._worker: asyncio.Task[None] | None = None

    def __call__(self, item: Item) -> asyncio.Future[Result]:
        """The result for this item, or what the flush answered for it as an exception."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            self._worker = loop.create_task(self._drain())
        elif self._foresee is not None and not self._looks_ahead:
            self._looks_ahead = True
            loop.call_soon(self._look_ahead, self._foresee)
        # A caller that goes away cancels its future only; what is on its way to the database goes on.
        return future

    async def _drain(self) -> None:
        try:
            while batch := self._next():
                self._under_way = True
                try:
                    await self._run(batch)
                finally:
                    self._under_way = False
        finally:
            self._worker = None

    def _look_ahead(self, foresee: Callable[[list[Item]], None]) -> None:
        """Once for all who came in one turn of the loop."""
        self._looks_ahead = False
        if self._under_way:
            foresee([item for item, _ in self._waiting[: self._size_now]])

    def _next(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        size = self._size_now
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        self._size_before = len(batch)
        return batch

    @property
    def _size_now(self) -> int:
        """How many items the next batch may have."""
        grown = GROWTH * self._size_before + GROWTH_MORE
        half = (len(self._waiting) + self._size_before + 1) // 2
        return min(self._size_max, grown, max(GROWTH_MORE, half))

    async def _run(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
        except Exception as failure:  # noqa: BLE001  (it is handed to whoever asked)
            if len(batch) == 1:
                _answer(batch[0][1], failure)
                return
            for one in batch:
                await self._run([one])
            return
        for (_, future), result in zip(batch, results, strict=True):
            _answer(future, result)


def _answer(future: asyncio.Future[Result], result: Result | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
        future.exception()  # a caller that went away leaves no "never retrieved" warning
    else:
        future.set_result(result)
