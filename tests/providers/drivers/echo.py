"""Echo is scripted by the job's input and notes each start in its journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tests.providers.conformance import Case, Excuse, ProviderDriver, Wish

from vermilion.providers.protocol import Job


def _wish(**script: Any) -> Wish:
    return Wish("echo", "echo", {"prompt": "hello", **script})


class Driver(ProviderDriver):
    wishes: ClassVar[Mapping[Case, Wish | Excuse]] = {
        Case.SUCCEEDS: _wish(files=2, latency_s=0.3),
        Case.SLOW: _wish(latency_s=1.0),
        Case.FAILS: _wish(latency_s=0.1, end="fail"),
        Case.REFUSED: _wish(submit="refuse"),
        Case.OVERLOADED: _wish(submit="overload"),
        Case.UNANSWERED: _wish(submit="unknown"),
        Case.MALFORMED: Excuse("echo has no wire; its script `malformed` plays a broken adapter instead"),
        Case.FORGOTTEN: _wish(latency_s=0.1, end="forget"),
    }

    @property
    def options(self) -> Mapping[str, Any]:
        return {"journal": self.folder / "journal"}

    async def starts(self, job: Job) -> int:
        journal = self.folder / "journal"
        return journal.read_text().count(str(job.task_id)) if journal.exists() else 0
