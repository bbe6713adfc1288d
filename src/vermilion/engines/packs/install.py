"""Installs and removes engine packs: pinned wheels, checked by checksum, unpacked beside, put in place in one step."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from vermilion.engines.packs.description import Join, Pack, Package
from vermilion.engines.packs.shelf import RECEIPT, PackFile, Receipt, Shelf, checksum

OnBytes = Callable[[int], None]  #: how many bytes have arrived so far
LOOK_EVERY_S = 0.2
FREE_FACTOR = 4  #: wheels, unpacked files and a margin, as a multiple of the download
_PIP_MISLEADS = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PYTHONPATH")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


class InstallFailed(Exception):
    """A pack could not be installed; nothing of it is in place. `fix` is what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def install(shelf: Shelf, pack: Pack, on_bytes: OnBytes) -> None:
    """Download what is not there yet, unpack, check and put in place; an earlier version goes last.

    Whole downloads are kept until the pack is in place, so that an interrupted call goes on where it was.
    Raises InstallFailed.
    """
    with _alone(shelf), _disk():
        downloads = shelf.folder / ".downloads" / pack.folder_name
        downloads.mkdir(parents=True, exist_ok=True)
        _check_room(shelf.folder, pack)
        _download(pack, downloads, on_bytes)
        staging = Path(tempfile.mkdtemp(prefix=f".{pack.name}-", dir=shelf.folder))
        try:
            _unpack(pack, downloads, staging)
            _put_in_place(staging, shelf.place(pack))
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(downloads, ignore_errors=True)
        _drop_others(shelf, pack, keep=shelf.place(pack))


def remove(shelf: Shelf, pack: Pack) -> bool:
    """Take a pack off the shelf in one step, and its downloads; False if there was none. Weights stay."""
    with _alone(shelf):
        found = any(True for _ in shelf.folder.glob(f"{pack.name}-*"))
        _drop_others(shelf, pack, keep=None)
        shutil.rmtree(shelf.folder / ".downloads" / pack.folder_name, ignore_errors=True)
        return found


@contextmanager
def _alone(shelf: Shelf) -> Iterator[None]:
    """One command at a time works on a shelf; what a killed one left half unpacked is swept away."""
    shelf.folder.mkdir(parents=True, exist_ok=True)
    with (shelf.folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InstallFailed(
                "another command is working on the packs", "wait until it is done, then try again"
            ) from None
        for left in shelf.folder.glob(".*-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InstallFailed("the disk is full", "make room, then try again") from failed
        raise InstallFailed(
            f"{failed.filename or 'the disk'}: {failed.strerror}", "let VERMILION_DATA_DIR be writable"
        ) from failed


def _check_room(folder: Path, pack: Pack) -> None:
    """Said before the download rather than in the middle of it."""
    needed = pack.download_mb * FREE_FACTOR * 10**6
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InstallFailed(
            f"there are {free // 10**6} MB free in {folder}, and the pack needs about {needed // 10**6} MB",
            "make room, then try again",
        )


def _download(pack: Pack, downloads: Path, on_bytes: OnBytes) -> None:
    """One wheel after the other; what pip has fetched so far is seen in its temporary folder."""
    arrived = 0

    def look() -> None:
        nonlocal arrived  # Never back: for a moment a file is neither in its old place nor in its new one.
        arrived = max(arrived, _bytes_in(downloads))
        on_bytes(arrived)

    for package in pack.packages:
        if _has(downloads, package):
            continue
        with tempfile.TemporaryDirectory(dir=downloads, prefix=".part-") as part:
            command = ("download", "--dest", str(downloads), "--progress-bar", "off")
            _pip(package, command, Path(part), look)
        look()


def _has(downloads: Path, package: Package) -> bool:
    """Whether an earlier call has loaded the whole wheel already."""
    stem = re.sub(r"[-_.]+", "_", package.name).lower() + "-"
    wheels = (path for path in downloads.glob("*.whl") if path.name.lower().startswith(stem))
    return any(checksum(path) in package.sha256 for path in wheels)


def _unpack(pack: Pack, downloads: Path, staging: Path) -> None:
    for package in pack.packages:
        command = ("install", "--no-index", "--find-links", str(downloads), "--target", str(staging),
                   "--no-compile", "--upgrade", "--no-warn-conflicts", "--root-user-action", "ignore")  # fmt: skip
        with tempfile.TemporaryDirectory(dir=downloads, prefix=".part-") as part:
            _pip(package, command, Path(part), lambda: None)
    for join in pack.joins:
        _join(staging, join)
    for pattern in ("bin", "**/__pycache__", *pack.leave_out):
        for path in list(staging.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    _write_receipt(pack, staging)


def _pip(package: Package, command: tuple[str, ...], part: Path, looked: Callable[[], None]) -> None:
    """Run pip for one pinned package without its dependencies. Raises InstallFailed with pip's own reason."""
    requirement = part / "requirement.txt"
    hashes = " ".join(f"--hash=sha256:{sha256}" for sha256 in package.sha256)
    requirement.write_text(f"{package.name}=={package.version} {hashes}\n")
    words = (sys.executable, *_PIP, *command, "--quiet", "--no-deps", "--require-hashes",
             "--only-binary=:all:", "--ignore-requires-python", "--requirement", str(requirement))  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name not in _PIP_MISLEADS}
    environment |= {"TMPDIR": str(part), "PIP_NO_CACHE_DIR": "1"}
    with (part / "said").open("w+") as said:
        process = subprocess.Popen(words, env=environment, stdout=said, stderr=said)
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_EVERY_S)
                looked()
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        if process.returncode:
            raise _failure(package, said.read())


def _failure(package: Package, said: str) -> InstallFailed:
    """What pip said, in our words where we know them."""
    label = f"{package.name} {package.version}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if "DO NOT MATCH THE HASHES" in said:
        return InstallFailed(
            f"{label}: what was downloaded is not the file that belongs here (its checksum differs)",
            "try again; if it stays so, do not trust the index that your pip uses",
        )
    if "No space left" in said:
        return InstallFailed(f"{label}: the disk is full", "make room, then try again")
    if any(word in said for word in ("Connection", "NewConnectionError", "Temporary failure", "timed out")):
        return InstallFailed(
            f"{label}: the package index does not answer", "check the network, then try again"
        )
    if "No matching distribution" in said:
        return InstallFailed(
            f"{label}: your package index has no build of it for this machine "
            f"(Python {sys.version_info.major}.{sys.version_info.minor}, {os.uname().sysname} {os.uname().machine})",
            "check that the index of your pip is reachable, or use another Python or machine",
        )
    return InstallFailed(f"{label}: {lines[-1] if lines else 'pip failed'}", "try again")


def _join(staging: Path, join: Join) -> None:
    target = staging / join.target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as whole:
        for part in join.parts:
            with (staging / part).open("rb") as piece:
                shutil.copyfileobj(piece, whole, 2**20)
            (staging / part).unlink()
    if checksum(target) != join.sha256:
        raise InstallFailed(f"{join.target}: its parts do not make the file that belongs here", "try again")


def _write_receipt(pack: Pack, staging: Path) -> None:
    files = {
        path.relative_to(staging).as_posix(): PackFile(path.stat().st_size, checksum(path) or "")
        for path in sorted(staging.rglob("*"))
        if path.is_file()
    }
    receipt = msgspec.json.format(msgspec.json.encode(Receipt(pack.fingerprint, files)))
    (staging / RECEIPT).write_bytes(receipt)


def _put_in_place(staging: Path, place: Path) -> None:
    """Workers that run from the earlier folder keep their open files; new ones see the new folder only."""
    staging.chmod(0o755)
    if place.exists():
        place.rename(staging.with_name(staging.name + "-old"))
    staging.rename(place)
    shutil.rmtree(staging.with_name(staging.name + "-old"), ignore_errors=True)


def _drop_others(shelf: Shelf, pack: Pack, keep: Path | None) -> None:
    """Each vanishes by one rename before its files are deleted."""
    for number, place in enumerate(shelf.folder.glob(f"{pack.name}-*")):
        if place != keep:
            gone = shelf.folder / f".gone-{os.getpid()}-{number}"
            place.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def _bytes_in(folder: Path) -> int:
    """Of all files below; folders and files that pip takes away meanwhile count as nothing (os.walk passes them)."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(where, name).stat().st_size
    return total
