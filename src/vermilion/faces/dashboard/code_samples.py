"""The same call as code, in the dialects that the gateway speaks."""

from __future__ import annotations

import pprint
import shlex
import textwrap
from typing import Any

import msgspec

from vermilion.domain.catalogue import Offer


def samples(origin: str, offer: Offer, task_input: dict[str, Any]) -> dict[str, str]:
    """Code by dialect; every sample runs as it stands once the key is in VERMILION_API_KEY."""
    native = {"model": offer.model, "task_type": offer.task_type, "input": task_input}
    body = msgspec.json.format(msgspec.json.encode(native), indent=2).decode()
    return {
        "curl": curl(
            f"{origin}/v1/tasks", body, "authorization: Bearer $VERMILION_API_KEY", "prefer: wait=60"
        ),
        "Python": _python(origin, native),
        "GoAPI": curl(f"{origin}/api/v1/task", body, "x-api-key: $VERMILION_API_KEY"),
        "Command line": _command(offer, task_input),
    }


def curl(url: str, body: str, *headers: str) -> str:
    """A curl command with a JSON body."""
    lines = [f"curl {url}", *(f'  -H "{header}"' for header in headers), f"  -d {shlex.quote(body)}"]
    return " \\\n".join(lines)


def _python(origin: str, native: dict[str, Any]) -> str:
    value = textwrap.indent(pprint.pformat(native, sort_dicts=False, width=90), "    ").lstrip()
    return (
        "import os, requests\n\n"
        "task = requests.post(\n"
        f'    "{origin}/v1/tasks",\n'
        f"    json={value},\n"
        '    headers={"authorization": "Bearer " + os.environ["VERMILION_API_KEY"], "prefer": "wait=60"},\n'
        ").json()\n"
        'print(task["status"], [asset["url"] for asset in task["output"]["assets"]])'
    )


def _command(offer: Offer, task_input: dict[str, Any]) -> str:
    given = (f"-i {shlex.quote(f'{name}={_as_argument(value)}')}" for name, value in task_input.items())
    return " ".join(("vermilion run", offer.model, offer.task_type, *given))


def _as_argument(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
