"""The private directory of the embedded server's socket; makes it, never widens who may enter."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from vermilion.storage.postgres.install import EmbeddedPostgresError, ServerUser

SOCKET_PORT = 5432  # Only a part of the socket's file name: nothing listens on TCP.
SOCKET_NAME = f".s.PGSQL.{SOCKET_PORT}"
SOCKET_PATH_BYTES_MAX = 103  # The smaller of Linux (107) and macOS (103).


def open_socket_dir(data_dir: Path, user: ServerUser) -> Path:
    """Return a 0700 directory of the user: in `data_dir`, or a temporary one if that path will not do."""
    folder = data_dir / "postgres-socket"
    if not _fits(folder):
        name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"vermilion-{name}"
    if not _fits(folder):
        folder = Path("/tmp") / folder.name  # noqa: S108 (made private below)
    folder.mkdir(mode=0o700, exist_ok=True)
    _make_private(folder, user)
    return folder


def _fits(folder: Path) -> bool:
    # Clients split a host at commas.
    return len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX and not set(str(folder)) & set(
        ',"'
    )


def _make_private(folder: Path, user: ServerUser) -> None:
    # Through a descriptor that follows no link: in a shared directory the name may be somebody else's trap.
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(fd).st_uid not in (os.geteuid(), user.uid):
            raise EmbeddedPostgresError(f"{folder} belongs to another user: remove it, or set TMPDIR.")
        os.fchmod(fd, 0o700)
        if os.fstat(fd).st_uid != user.uid:
            os.fchown(fd, user.uid, user.gid)
    finally:
        os.close(fd)
