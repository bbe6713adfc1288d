"""What an engine pack is made of, as data that is checked when it is read: `<name>.toml` in this folder."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

FOLDER = Path(__file__).parent


class Package(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One wheel, by version and by the checksums of its files: one for each platform that it was built for."""

    name: str
    version: str
    sha256: tuple[str, ...]


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that travels in parts: they are put together as `target`, which must then have this checksum."""

    target: str
    parts: tuple[str, ...]
    sha256: str


class Licences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Under what terms the code and the weights come; `note` is what an operator should know beyond that."""

    code: str
    weights: str
    note: str = ""


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A small job that shows that an engine works; `file` names the input that a sample is given for."""

    engine: str
    params: dict[str, Any] = {}
    file: str | None = None
    sample: Literal["picture", "sound"] = "picture"


class Pack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack: its wheels, what is left out of them when they are unpacked, and which engines run on it."""

    name: str
    version: str
    title: str
    download_mb: int  #: of Linux on x86-64, rounded up
    engines: tuple[str, ...]
    licences: Licences
    packages: tuple[Package, ...]
    probe: Probe
    joins: tuple[Join, ...] = ()
    leave_out: tuple[str, ...] = ()
    weights_layout: str | None = (
        None  #: it brings the runtime, the operator a model that this `module:name` checks
    )

    @property
    def folder_name(self) -> str:
        """Its folder among the packs."""
        return f"{self.name}-{self.version}"

    @property
    def weights_from_operator(self) -> bool:
        """Whether it runs only with a model that the operator brings."""
        return self.weights_layout is not None

    @property
    def fingerprint(self) -> str:
        """Changes when an installed pack is no longer what the description says."""
        wanted = (self.version, self.packages, self.joins, self.leave_out)
        return hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()


@lru_cache
def known_packs() -> dict[str, Pack]:
    """Every pack by its name. Raises ValueError naming a file that is wrong."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.toml"))}


@lru_cache
def pack_of(engine: str) -> Pack | None:
    """The pack that this engine comes with, or None for one that is built in."""
    return next((pack for pack in known_packs().values() if engine in pack.engines), None)


def _read(path: Path) -> Pack:
    try:
        pack = msgspec.toml.decode(path.read_bytes(), type=Pack)
    except (msgspec.ValidationError, msgspec.DecodeError) as wrong:
        raise ValueError(f"{path.name}: {wrong}") from wrong
    if pack.name != path.stem:
        raise ValueError(f"{path.name}: its name is {pack.name!r}")
    return pack
