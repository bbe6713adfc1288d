"""The local engines do real work; what they started they know by the task's id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tests.providers.conformance import Case, Excuse, ProviderDriver, Wish

from vermilion.domain.outcomes import Unknown
from vermilion.providers.protocol import Job

NO_WIRE = Excuse("the engines are called, not asked over a wire")


def _picture(**given: Any) -> Wish:
    return Wish("composer", "text-to-image", {"prompt": "hills at dawn", "size": 256, **given})


class Driver(ProviderDriver):
    wishes: ClassVar[Mapping[Case, Wish | Excuse]] = {
        Case.SUCCEEDS: _picture(),
        Case.SLOW: _picture(size=2048),
        Case.FAILS: _picture(prompt=" "),
        Case.REFUSED: Wish("composer", "text-to-sculpture", {"prompt": "a horse"}),
        Case.OVERLOADED: Excuse("work waits in the pool for a free worker"),
        Case.UNANSWERED: NO_WIRE,
        Case.MALFORMED: NO_WIRE,
        Case.FORGOTTEN: Excuse("only a restart forgets; tickets of another process stand for it"),
    }

    @property
    def options(self) -> Mapping[str, Any]:
        return {"workers": 1}

    async def starts(self, job: Job) -> int:
        return 0 if isinstance(await self.check(job, None), Unknown) else 1
