"""Coalesced calls: while one batch is under way the next one gathers, without any timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_SIZE_MAX = 256


class Batcher(Generic[Item, Result]):
    """Turns many concurrent calls into few set-based ones.

    `flush` gets a list of items and answers a result or an exception for each, in order.
    If it raises, the items are replayed one by one, so that one bad row never harms its neighbours.
    With `at_once` 2, one batch is decided here while another is written there.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        size_max: int = BATCH_SIZE_MAX,
        at_once: int = 1,
    ) -> None:
        self._flush = flush
        self._size_max = size_max
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._at_once = at_once
        self._busy = 0
        self._workers: set[asyncio.Task[None]] = set()  # the loop itself keeps only weak references

    async def __call__(self, item: Item) -> Result:
        """The result for this item. Raises what the flush answered for it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._busy < self._at_once:
            self._busy += 1
            worker = asyncio.create_task(self._drain())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        # A caller that goes away cancels its future only; what is on its way to the database goes on.
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[: self._size_max]
                del self._waiting[: self._size_max]
                await self._run(batch)
        finally:
            self._busy -= 1

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
