"""A real gateway process that a test starts, stops and kills."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
from tests.support.patience import PATIENCE_S

OPERATOR_KEY = "vmk_test_operator_key_0123456789abcdef"
SECRET_KEY = "5e" * 32  #: nodes of one database share it
READY_TIMEOUT_S = PATIENCE_S
STOP_TIMEOUT_S = PATIENCE_S
#: The gateway's own entry, with waits before another attempt short enough for tests.
RUN = (
    "import sys; from vermilion.settings import load_settings; from vermilion.logs import set_up_logs; "
    "from vermilion.domain import retry; from vermilion.server import serve; "
    "retry.BACKOFF_S = (0.2, 0.3, 0.5, 0.8, 1.0); settings = load_settings(); "
    "set_up_logs(settings.log_level, 'json'); sys.exit(serve(settings))"
)
SOURCES = Path(__file__).parents[2] / "src"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One gateway process. `environment` adds to or replaces its settings."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.environment = environment
        self.process: asyncio.subprocess.Process | None = None
        self.log_path = data_dir / f"server-{self.port}.log"

    @property
    def url(self) -> str:
        """The server's origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    async def start(self, *, wait: bool = True, **environment: str) -> Self:
        """Start the process and wait until it is ready."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                RUN,
                env=self._environment(environment),
                stdout=log,
                stderr=log,
            )
        if wait:
            await self.ready()
        return self

    async def ready(self) -> None:
        """Wait until the server says that it is ready."""
        assert self.process is not None
        async with asyncio.timeout(READY_TIMEOUT_S), aiohttp.ClientSession(self.url) as session:
            while True:
                assert self.process.returncode is None, self.log()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get("/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """SIGKILL, as a power cut would."""
        return await self._end(signal.SIGKILL)

    async def exited(self) -> int:
        """Wait until the process has died by itself; answers the exit code."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)

    def log(self) -> str:
        """Everything the server wrote."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    async def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.exited()

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith("VERMILION_") and k != "DATABASE_URL"
        }
        return {
            **inherited,
            "PYTHONPATH": str(SOURCES),
            "VERMILION_DATA_DIR": str(self.data_dir),
            "VERMILION_PORT": str(self.port),
            "VERMILION_OPERATOR_KEY": OPERATOR_KEY,
            "VERMILION_SECRET_KEY": SECRET_KEY,
            "VERMILION_ECHO": "1",
            "VERMILION_EGRESS_ALLOW": "127.0.0.0/8",
            "VERMILION_DRAIN_TIMEOUT_S": "3",
            **self.environment,
            **more,
        }


class Api:
    """A client of the native API with one key; answers (status, JSON body)."""

    def __init__(
        self, session: aiohttp.ClientSession, key: str | None, account_id: str | None = None
    ) -> None:
        self.session = session
        self.key = key
        self.account_id = account_id

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request; header names may use underscores."""
        status, _, answer = await self.call_raw(method, path, body, **headers)
        return status, answer

    async def call_raw(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, Any]:
        """One request; answers (status, headers, JSON or text body)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        data = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        async with self.session.request(method, path, headers=sent, **data) as answer:
            is_json = answer.content_type.endswith("json")
            return (
                answer.status,
                answer.headers,
                await answer.json(content_type=None) if is_json else await answer.text(),
            )

    async def get(self, path: str, **headers: str) -> Any:
        """The body of a GET that must succeed."""
        status, body = await self.call("GET", path, **headers)
        assert 200 == status, body
        return body

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        """The body of a POST that must succeed."""
        status, answer = await self.call("POST", path, body, **headers)
        assert status in (200, 201), answer
        return answer

    async def echo(self, prompt: str = "hello", *, prefer: str | None = None, **script: Any) -> Any:
        """Submit an echo task that must be accepted."""
        headers = {"prefer": prefer} if prefer else {}
        body = {"model": "echo", "task_type": "echo", "input": {"prompt": prompt, **script}}
        return await self.post("/v1/tasks", body, **headers)

    async def ended(self, task_id: str, *, timeout_s: float = PATIENCE_S) -> Any:
        """The task once it has ended."""
        async with asyncio.timeout(timeout_s):
            while True:
                task = await self.get(f"/v1/tasks/{task_id}", prefer="wait=10")
                if task["status"] in ("completed", "failed", "cancelled"):
                    return task


@asynccontextmanager
async def operator_of(server: Server) -> AsyncIterator[Api]:
    """The operator's API."""
    async with aiohttp.ClientSession(server.url) as session:
        yield Api(session, OPERATOR_KEY)


async def new_customer(
    operator: Api, *, units: int = 10**12, plan: dict[str, Any] | None = None, **key: Any
) -> Api:
    """A funded account with a key, on its own plan if one is described."""
    tag = os.urandom(6).hex()
    account = {"name": f"Customer {tag}", "email": f"{tag}@example.com"}
    if plan is not None:
        await operator.post("/admin/v1/plans", {"id": f"plan-{tag}", **plan})
        account["plan"] = f"plan-{tag}"
    id_ = (await operator.post("/admin/v1/accounts", account))["id"]
    if units:
        await operator.post(f"/admin/v1/accounts/{id_}/grants", {"units": units, "kind": "topup"})
    issued = await operator.post(f"/admin/v1/accounts/{id_}/keys", {"name": "test", **key})
    return Api(operator.session, issued["key"], id_)
