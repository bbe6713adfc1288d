"""The cluster directory: whose it is, what made it, and how an unprivileged server finds it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from vermilion.storage.postgres.install import EmbeddedPostgresError, ServerUser, is_reachable


@contextlib.contextmanager
def paths_for(user: ServerUser, *folders: Path) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Yield names by which the user can open the folders, and the descriptors its process must inherit.

    A folder that the user may not walk to is handed over open, so no parent's permissions have to change.
    """
    if user.uid == os.geteuid() or all(is_reachable(folder, user) for folder in folders):
        yield [str(folder) for folder in folders], ()
        return
    if sys.platform != "linux":
        raise EmbeddedPostgresError(
            f"User id {user.uid}, which PostgreSQL runs as, may not enter {folders[0].parent}: "
            "run the gateway as an ordinary user, or set another VERMILION_DATA_DIR."
        )
    with contextlib.ExitStack() as stack:
        fds = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in folders]
        for fd in fds:
            stack.callback(os.close, fd)
        yield [f"/proc/self/fd/{fd}" for fd in fds], tuple(fds)


def require_cluster_of(cluster_dir: Path, version: int) -> None:
    """Raise EmbeddedPostgresError unless the cluster was made by this major version."""
    marker = cluster_dir / "PG_VERSION"
    made_by = marker.read_text().strip() if marker.exists() else None
    if made_by is None:
        raise EmbeddedPostgresError(
            f"{cluster_dir} is not a PostgreSQL database: restore it, or move it away."
        )
    if made_by != str(version):
        raise EmbeddedPostgresError(
            f"The database in {cluster_dir} was made by PostgreSQL {made_by}, the programs are {version}: "
            f"let VERMILION_PG_BIN name programs of {made_by}, or move the data by pg_dump and psql."
        )


def give_to(folder: Path, user: ServerUser) -> None:
    """Make the user own the folder and all within it."""
    if folder.stat().st_uid == user.uid:
        return
    for _, folders, files, fd in os.fwalk(folder):
        for name in (*folders, *files):
            os.chown(name, user.uid, user.gid, dir_fd=fd, follow_symlinks=False)
    os.chown(folder, user.uid, user.gid)  # Last, so that it tells whether the rest was done.


def sync_dir(folder: Path) -> None:
    """Make a rename within the folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
