"""What a provider can do, as data that is checked when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from vermilion.domain.retry import Traits

FOLDER = Path(__file__).parent


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`providers/<id>/manifest.toml`; the folder's name is the id."""

    id: str
    name: str
    auth: Literal["none", "api_key", "oauth", "session"]
    accepts_client_id: bool = False  #: takes our task id as its own, so a submit may be sent twice
    repeatable: bool = False  #: starting the same work again costs nothing
    looks_up: bool = False  #: can be asked by our task id after a submit of unknown fate
    cancels: bool = False
    calls_back: bool = False
    reports_progress: bool = False
    reads_parent_files: bool = False  #: a follow-up's job brings the files that its parent made
    concurrency_max: int = 10
    submit_timeout_s: float = 60.0
    check_timeout_s: float = 30.0
    checks_after_s: float = 1.0
    terms: str = ""  #: what an operator must know before turning it on

    @property
    def traits(self) -> Traits:
        """The promises that decisions about retries depend on."""
        return Traits(repeatable=self.repeatable or self.accepts_client_id, looks_up=self.looks_up)


def read_manifest(provider_id: str, folder: Path = FOLDER) -> Manifest:
    """The manifest of a provider. Raises ValueError saying what is wrong with which file."""
    path = folder / provider_id / "manifest.toml"
    try:
        manifest = msgspec.toml.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.ValidationError, msgspec.DecodeError) as wrong:
        raise ValueError(f"{provider_id}/manifest.toml: {wrong}") from wrong
    if manifest.id != provider_id:
        raise ValueError(
            f"{provider_id}/manifest.toml: id is {manifest.id!r}, but the folder is {provider_id!r}"
        )
    return manifest


def provider_ids(folder: Path = FOLDER) -> list[str]:
    """Every folder with a manifest."""
    return sorted(path.parent.name for path in folder.glob("*/manifest.toml"))
