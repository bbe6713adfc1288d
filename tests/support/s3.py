"""A real S3 server on loopback, from the SeaweedFS wheel."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.patience import PATIENCE_S

START_TIMEOUT_S = PATIENCE_S
KEY, SECRET = "tests", "tests-secret"


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """The endpoint of a server that knows one key, for as long as the block runs."""
    ports = _free_ports(8)
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(_weed_command(folder, ports), stdout=log, stderr=log, cwd=folder)
        try:
            _wait_until_open(ports[0], server)
            yield f"http://127.0.0.1:{ports[0]}"
        finally:
            server.kill()
            server.wait()


def s3_environment(endpoint: str) -> dict[str, str]:
    """How a client is told of the server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [opened.getsockname()[1] for opened in sockets]


def _weed_command(folder: Path, ports: list[int]) -> list[str]:
    names = [
        f"{part}.{port}" for part in ("s3", "master", "volume", "filer") for port in ("port", "port.grpc")
    ]
    flags = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    binary = Path(sys.executable).with_name("weed")
    fixed = ["-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", f"-s3.config={folder}/s3.json"]
    quiet = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=4", "-master.volumeSizeLimitMB=64"]
    return [str(binary), "server", *fixed, *quiet, *flags]


def _wait_until_open(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("The S3 server did not start; its log is beside its data.")
