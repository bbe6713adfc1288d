"""The parts that come with every installation: whose they are, and whether they are there."""

from __future__ import annotations

from pathlib import Path

import msgspec

from vermilion.engines.contract import EngineUnavailable
from vermilion.engines.packs.description import Licences
from vermilion.engines.weights import weights_path

FILE = Path(__file__).parents[1] / "built_in.toml"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part and the weights that belong to it."""

    name: str
    title: str
    licences: Licences
    files: tuple[str, ...] = ()

    def fault(self) -> str | None:
        """What is wrong with its weights, with the command that mends it; every byte is read."""
        for name in self.files:
            try:
                weights_path(name)
            except EngineUnavailable as wrong:
                return str(wrong)
        return None

    def size_bytes(self) -> int:
        """What its weights take on disk; 0 for those that are not there."""
        return 0 if self.fault() else sum(weights_path(name).stat().st_size for name in self.files)


class _Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: tuple[Part, ...]


def built_in_parts() -> tuple[Part, ...]:
    """Every part of the box."""
    return msgspec.toml.decode(FILE.read_bytes(), type=_Parts).parts
