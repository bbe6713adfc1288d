"""What the playground's form asks for: one offer, or up to three side by side that share what they have in common.

The first offer leads: its fields stand in the form as they are. Another offer takes from them whatever means the same
to it, and has the rest of its fields beside the others, under its own number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vermilion.domain.catalogue import Offer
from vermilion.faces.dashboard.schema_form import Control, controls, read_form, shared_fields

OFFERS_MAX = 3


@dataclass(frozen=True, slots=True)
class Part:
    """One offer of those that are asked. `shared` are the fields that it takes from the first one."""

    number: int
    offer: Offer
    shared: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """The offer as URLs and forms name it."""
        return f"{self.offer.model}/{self.offer.task_type}"

    def called(self, name: str) -> str:
        """What a field of its input is called in the form."""
        return name if self.number == 0 or name in self.shared else f"{self.number}:{name}"

    def read(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Its input, as a form that was sent says it."""
        return read_form(self.offer.schema, {name: sent.get(self.called(name)) for name in self._names})

    def read_given(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of its input that are there at all and mean something to it, as in a link that fills a form in."""
        read = self.read(sent)
        given = {name: read[name] for name in read if self.called(name) in sent}
        wrong = {
            problem.pointer.strip("/").split("/")[0] for problem in self.offer.problems(given, prefix="")
        }
        return {name: value for name, value in given.items() if name not in wrong}

    def controls(self, values: Mapping[str, Any], errors: Mapping[str, str]) -> list[Control]:
        """What is drawn for it: all of its fields if it leads, else those of its own."""
        own = [name for name in self._names if self.number == 0 or name not in self.shared]
        return controls(self.offer.schema, values, errors, names={name: self.called(name) for name in own})

    @property
    def _names(self) -> list[str]:
        return list(self.offer.schema["properties"])


def parts_of(first: Offer, others: list[Offer]) -> list[Part]:
    """The parts of a form that asks these offers; those that cannot stand beside the first are left out."""
    fitting = [offer for offer in dict.fromkeys(others) if may_stand_beside(first, offer)]
    others = fitting[: OFFERS_MAX - 1]
    return [
        Part(0, first),
        *(
            Part(number, offer, shared_fields(first.schema, offer.schema))
            for number, offer in enumerate(others, start=1)
        ),
    ]


def may_stand_beside(first: Offer, other: Offer) -> bool:
    """Whether two offers make the same kind of thing, each from nothing but its input."""
    return (
        other.key != first.key
        and other.output == first.output
        and "required" not in (first.parent, other.parent)
    )
