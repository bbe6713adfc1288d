"""The command lines of PostgreSQL's programs: every setting of the embedded server; runs nothing."""

from __future__ import annotations

from pathlib import Path

from vermilion.storage.postgres.socket import SOCKET_PORT

SUPERUSER = "vermilion"
SHARED_BUFFERS = ("256MB", "64MB", "16MB")  # The next is tried when there is no memory for the one before.

SETTINGS = {
    "listen_addresses": "",
    "port": str(SOCKET_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "huge_pages": "try",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "max_wal_size": "4GB",
    "wal_init_zero": "off",
    "random_page_cost": "1.1",
    "jit": "off",
    # The task table is a hot queue: small, frequent vacuums keep its partial indexes short.
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_limit": "2000",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


def initdb_command(bin_dir: Path, cluster: str, *, version: int) -> list[str]:
    """Create a cluster that trusts every local connection, so only its owner may reach its socket."""
    options = ["-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--no-locale"]
    if version >= 17:  # Case rules for all of Unicode, order by code point, on every platform alike.
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [str(bin_dir / "initdb"), "-D", cluster, *options]


def server_command(bin_dir: Path, cluster: str, socket_dir: str, *, shared_buffers: str) -> list[str]:
    """Run the server in the foreground, on a socket in `socket_dir` and nowhere else."""
    settings = SETTINGS | {"unix_socket_directories": f'"{socket_dir}"', "shared_buffers": shared_buffers}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(bin_dir / "postgres"), "-D", cluster, *options]
