"""The folder of installed packs: which are there, whole, and what their engines are given. Knows no network."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path

import msgspec

from vermilion.engines.contract import EngineUnavailable
from vermilion.engines.packs.description import Pack, known_packs

RECEIPT = "pack.json"
ADD = "vermilion engines add"


class State(StrEnum):
    """How it stands with a pack in this folder."""

    MISSING = "missing"
    INSTALLED = "installed"
    NEEDS_WEIGHTS = "needs weights"  #: the runtime is there, the operator's model is not
    OUTDATED = "outdated"  #: of an earlier description
    BROKEN = "broken"  #: files are missing or altered


class PackFile(msgspec.Struct, frozen=True):
    """One file as it was installed."""

    size_bytes: int
    sha256: str


class Receipt(msgspec.Struct, frozen=True):
    """Written last into a pack's folder: what was installed."""

    fingerprint: str
    files: dict[str, PackFile]

    @property
    def size_bytes(self) -> int:
        """What the pack takes on disk."""
        return sum(file.size_bytes for file in self.files.values())


class Shelf:
    """The packs in `<data_dir>/packs`."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "packs"

    def ready(self) -> frozenset[str]:
        """The names of the packs whose engines can run now; a quick look that reads no file but the receipts."""
        return frozenset(name for name, pack in known_packs().items() if self.state(pack) == State.INSTALLED)

    def place(self, pack: Pack) -> Path:
        """Where the pack is, or would be."""
        return self.folder / pack.folder_name

    def weights(self, pack: Pack) -> Path:
        """Where the operator's own model for this pack is found: a folder or a link to one."""
        return self.folder / f"{pack.name}.weights"

    def state(self, pack: Pack) -> State:
        """By the receipt, and the presence and size of every file."""
        if not self.place(pack).is_dir():
            return State.OUTDATED if any(self.folder.glob(f"{pack.name}-*/{RECEIPT}")) else State.MISSING
        receipt = self.receipt(pack)
        if receipt is None:
            return State.BROKEN
        if receipt.fingerprint != pack.fingerprint:
            return State.OUTDATED
        if any(_size(self.place(pack) / name) != file.size_bytes for name, file in receipt.files.items()):
            return State.BROKEN
        if pack.weights_from_operator and not self.weights(pack).is_dir():
            return State.NEEDS_WEIGHTS
        return State.INSTALLED

    def receipt(self, pack: Pack) -> Receipt | None:
        """What was installed, or None if that cannot be read."""
        try:
            return msgspec.json.decode((self.place(pack) / RECEIPT).read_bytes(), type=Receipt)
        except (OSError, msgspec.DecodeError):
            return None

    def altered(self, pack: Pack) -> list[str]:
        """The files that are missing or not those that were installed, by reading every one of them."""
        receipt = self.receipt(pack)
        if receipt is None:
            return [RECEIPT]
        place = self.place(pack)
        return [name for name, file in receipt.files.items() if checksum(place / name) != file.sha256]

    def model_of(self, pack: Pack) -> Path | None:
        """The folder of the operator's model, where a pack needs one and has it."""
        link = self.weights(pack)
        return link.resolve() if pack.weights_from_operator and link.is_dir() else None

    def folder_of(self, pack: Pack) -> Path:
        """The folder of a pack that can run. Raises EngineUnavailable saying what to type for one that cannot."""
        state = self.state(pack)
        if state != State.INSTALLED:
            raise EngineUnavailable(f"the engine pack {pack.name!r} is {state}; {advice(pack, state)}")
        return self.place(pack)


def advice(pack: Pack, state: State) -> str:
    """What to type about a pack in this state."""
    match state:
        case State.NEEDS_WEIGHTS:
            return f"run `{ADD} {pack.name} --weights FOLDER`"
        case State.BROKEN | State.OUTDATED:
            return f"run `{ADD} {pack.name}` to install it anew"
        case _:
            return f"run `{ADD} {pack.name}`"


def checksum(path: Path) -> str | None:
    """The SHA-256 of a file in hex, or None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
