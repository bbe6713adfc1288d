"""Which gateway the command line talks to, and with which key; reads settings only where an option is missing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vermilion.cli.failures import WrongUsage

if TYPE_CHECKING:
    from vermilion.settings import Settings

OPERATOR_KEY_FILE = "operator.key"


@dataclass(frozen=True, slots=True)
class Where:
    """An address, and a key with the place it was found in."""

    url: str
    key: str | None
    key_source: str


def find_where(url: str | None, key: str | None) -> Where:
    """The options, else VERMILION_URL and VERMILION_API_KEY, else what the settings of this place say."""
    url = url or os.environ.get("VERMILION_URL")
    if url is not None and not url.startswith(("http://", "https://")):
        raise WrongUsage(f"{url!r} is not an address.", fix="write it out: --url http://127.0.0.1:8000")
    found, source = find_key(key)
    return Where((url or address_of(read_settings())).rstrip("/"), found, source)


def find_key(given: str | None = None) -> tuple[str | None, str]:
    """The key and where it was found: the option, two environment names, then the operator's key file."""
    for value, source in (
        (given, "--key"),
        (os.environ.get("VERMILION_API_KEY"), "VERMILION_API_KEY"),
        (os.environ.get("VERMILION_OPERATOR_KEY"), "VERMILION_OPERATOR_KEY"),
    ):
        if value:
            return value.strip(), source
    path = Path(read_settings().data_dir) / OPERATOR_KEY_FILE
    return read_key_file(path), str(path)


def read_key_file(path: Path) -> str | None:
    """The key in a file, or None if there is none that we may read."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises WrongUsage with one line for each wrong name or value."""
    from vermilion.settings import SettingsError, load_settings  # noqa: PLC0415  (slow; --help does without)

    try:
        return load_settings(**overrides)
    except SettingsError as wrong:
        raise WrongUsage(str(wrong)) from None


def address_of(settings: Settings) -> str:
    """The URL at which a server with these settings is reached from this machine."""
    return f"http://{reachable_host(settings.host)}:{settings.port}"


def reachable_host(host: str) -> str:
    """A host to connect to for a host that is listened on."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104  (compared, not bound)
    return f"[{host}]" if ":" in host else host
