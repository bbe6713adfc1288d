"""`vermilion doctor`: looks at everything that has to be right, and says what to type where it is not."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vermilion.cli.client import open_client
from vermilion.cli.command import Json, Key, Url, print_json, run_guarded
from vermilion.cli.failures import CommandFailed, WrongUsage, program
from vermilion.cli.show import mark, say, show_grid
from vermilion.cli.where import Where, find_where, read_settings

if TYPE_CHECKING:
    from vermilion.settings import Settings

PYTHON_MIN = (3, 11)
WEIGHTS = ("u2netp.onnx",)
DATABASE_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` is what to type if it is wrong."""

    check: str
    ok: bool
    detail: str
    fix: str | None = None


def doctor(url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Check this machine, the settings and the gateway; the exit code is 1 if anything is wrong."""
    run_guarded(lambda: _report(asyncio.run(_examine(url, key)), as_json=as_json))


def _report(findings: list[Finding], *, as_json: bool) -> int:
    wrong = [finding for finding in findings if not finding.ok]
    if as_json:
        print_json({"ok": not wrong, "checks": [asdict(finding) for finding in findings]})
        return 1 if wrong else 0
    show_grid([(mark(finding.ok), finding.check, finding.detail) for finding in findings])
    for finding in wrong:
        say(f"→ {finding.check}: {finding.fix}")
    return 1 if wrong else 0


async def _examine(url: str | None, key: str | None) -> list[Finding]:
    findings = [_python()]
    try:
        settings = read_settings()
    except WrongUsage as wrong:
        lines = wrong.message.splitlines()
        return [
            *findings,
            *(Finding("settings", False, line, f"unset {line.partition(':')[0]}") for line in lines),
        ]
    findings.append(Finding("settings", True, f"{_given()} given in the environment"))
    findings.append(_data_dir(settings.data_dir))
    findings.extend(_weights(name) for name in WEIGHTS)
    findings.extend(_packs(settings.data_dir, needed=("guard",) if settings.media_check != "off" else ()))
    findings.append(await _database(settings))
    return findings + await _gateway(find_where(url, key))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    least = ".".join(map(str, PYTHON_MIN))
    return Finding("python", sys.version_info >= PYTHON_MIN, version, f"install Python {least} or newer")


def _given() -> str:
    count = sum(name.startswith("VERMILION_") for name in os.environ) + ("DATABASE_URL" in os.environ)
    return f"{count or 'none'}"


def _data_dir(folder: Path) -> Finding:
    standing = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    writable = standing.is_dir() and os.access(standing, os.W_OK | os.X_OK)
    detail = str(folder) if standing == folder else f"{folder} (will be made)"
    return Finding(
        "data folder", writable, detail, "let VERMILION_DATA_DIR name a folder that you may write to"
    )


def _weights(name: str) -> Finding:
    path = Path(sys.prefix) / "share" / "vermilion" / "weights" / name
    return Finding("engine weights", path.is_file(), str(path), "make setup")


def _packs(data_dir: Path, *, needed: tuple[str, ...]) -> list[Finding]:
    """The packs that are installed or that a setting needs, by the presence and size of their files; `engines check`
    reads them.
    """
    from vermilion.engines.packs.description import known_packs  # noqa: PLC0415  (slow; only needed here)
    from vermilion.engines.packs.shelf import Shelf, State  # noqa: PLC0415  (the same)

    shelf = Shelf(data_dir)
    states = {name: shelf.state(pack) for name, pack in known_packs().items()}
    good = (State.INSTALLED, State.NEEDS_WEIGHTS)
    return [
        Finding("engine pack", state in good, f"{name}: {state}", f"{program()} engines add {name}")
        for name, state in states.items()
        if state != State.MISSING or name in needed
    ]


async def _database(settings: Settings) -> Finding:
    check: Callable[[Settings], Awaitable[Finding]] = (
        _given_database if settings.database_url else _embedded_database
    )
    return await check(settings)


async def _given_database(settings: Settings) -> Finding:
    import asyncpg  # noqa: PLC0415  (slow; only needed here)

    assert settings.database_url is not None  # it was asked for
    try:
        connection = await asyncpg.connect(
            settings.database_url.get_secret_value(), timeout=DATABASE_TIMEOUT_S
        )
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as broken:
        return Finding(
            "database", False, f"DATABASE_URL: {broken}", "correct DATABASE_URL, or start that server"
        )
    version = ".".join(map(str, connection.get_server_version()[:2]))
    await connection.close()
    return Finding("database", True, f"DATABASE_URL, PostgreSQL {version}")


async def _embedded_database(settings: Settings) -> Finding:
    from vermilion.storage.postgres.embedded import EmbeddedPostgresError, find_bin_dir  # noqa: PLC0415  (slow; only needed here)

    try:
        found = await asyncio.to_thread(find_bin_dir, settings.pg_bin)
    except EmbeddedPostgresError as missing:
        return Finding("database", False, str(missing), "make setup")
    return Finding("database", True, f"embedded PostgreSQL, {found}")


async def _gateway(where: Where) -> list[Finding]:
    async with open_client(where) as client:
        if not await client.is_ready():
            return [Finding("gateway", False, f"nothing is ready at {where.url}", f"{program()} serve")]
        ready = Finding("gateway", True, f"ready at {where.url}")
        if where.key is None:
            detail = f"none: not in VERMILION_API_KEY, not in {where.key_source}"
            return [ready, Finding("key", False, detail, "give one: --key or VERMILION_API_KEY")]
        try:
            account = await client.get("/v1/account")
        except CommandFailed as refused:
            fix = refused.fix or f"another key than the one from {where.key_source}"
            return [ready, Finding("key", False, f"from {where.key_source}: {refused.message}", fix)]
    return [ready, Finding("key", True, f"from {where.key_source}: {account['name']}, {account['role']}")]
