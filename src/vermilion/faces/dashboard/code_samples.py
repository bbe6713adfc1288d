"""The same call as code, in the dialects that the gateway speaks; where several offers are asked, all calls."""

from __future__ import annotations

import pprint
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.faces.dashboard.imaginepro_sample import Unsayable, imaginepro_call

Asked = Sequence[tuple[Offer, dict[str, Any]]]
BEARER = "authorization: Bearer $VERMILION_API_KEY"


class Samples(msgspec.Struct, frozen=True):
    """Code by dialect, and in words which dialects cannot ask for this."""

    code: dict[str, str]
    missing: tuple[str, ...] = ()


def samples_of(origin: str, asked: Asked, *, parent_id: UUID | None = None) -> Samples:
    """Every sample runs as it stands once the key is in VERMILION_API_KEY."""
    parent = {} if parent_id is None else {"parent_id": str(parent_id)}
    native = [_native(offer, task_input) | parent for offer, task_input in asked]
    origin_task = {} if parent_id is None else {"origin_task_id": str(parent_id)}
    goapi = [_native(offer, task_input | origin_task) for offer, task_input in asked]
    imaginepro, missing = _imaginepro(origin, asked, parent_id)
    code = {
        "curl": _all(curl(f"{origin}/v1/tasks", body, BEARER, "prefer: wait=60") for body in native),
        "Python": _python(origin, native),
        "GoAPI": _all(curl(f"{origin}/api/v1/task", body, "x-api-key: $VERMILION_API_KEY") for body in goapi),
        "ImaginePro": imaginepro,
        "OpenAI batch": _openai(origin, native),
        "Command line": _all(_command(offer, task_input, parent_id) for offer, task_input in asked),
    }
    return Samples({dialect: text for dialect, text in code.items() if text}, missing)


def curl(url: str, body: Any, *headers: str) -> str:
    """A curl command that sends this as JSON."""
    text = msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
    lines = [f"curl {url}", *(f'  -H "{header}"' for header in headers), f"  -d {shlex.quote(text)}"]
    return " \\\n".join(lines)


def _all(calls: Any) -> str:
    return "\n\n".join(calls)


def _native(offer: Offer, task_input: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": offer.model, "task_type": offer.task_type, "input": dict(task_input)}


def _imaginepro(origin: str, asked: Asked, parent_id: UUID | None) -> tuple[str, tuple[str, ...]]:
    """The calls that this contract has for it, and why it has none for the rest."""
    calls: list[str] = []
    missing: dict[str, None] = {}
    for offer, task_input in asked:
        try:
            path, body = imaginepro_call(offer, task_input, has_parent=parent_id is not None)
        except Unsayable as why:
            missing[f"ImaginePro's contract cannot ask for this: {why}."] = None
            continue
        calls.append(curl(origin + path, body, BEARER, "content-type: application/json"))
    return _all(calls), tuple(missing)


def _python(origin: str, bodies: list[dict[str, Any]]) -> str:
    one = len(bodies) == 1
    value = pprint.pformat(bodies[0] if one else bodies, sort_dicts=False, width=90)
    headers = '{"authorization": "Bearer " + os.environ["VERMILION_API_KEY"], "prefer": "wait=60"}'
    call = f'requests.post("{origin}/v1/tasks", json=asked, headers=headers).json()'
    head = f"import os, requests\n\nheaders = {headers}\n"
    show = 'print(task["status"], task["output"])'
    if one:
        return f"{head}asked = {value}\ntask = {call}\n{show}"
    return f"{head}every = {value}\nfor asked in every:\n" + textwrap.indent(f"task = {call}\n{show}", "    ")


def _openai(origin: str, bodies: list[dict[str, Any]]) -> str:
    """The lines of a batch: that contract has no call that waits for work of minutes."""
    value = pprint.pformat(bodies, sort_dicts=False, width=90)
    return (
        "import json, os\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{origin}/v1", api_key=os.environ["VERMILION_API_KEY"])\n'
        f"every = {value}\n"
        "lines = [\n"
        '    {"custom_id": str(number), "method": "POST", "url": "/v1/tasks", "body": asked}\n'
        "    for number, asked in enumerate(every, 1)\n"
        "]\n"
        'content = "\\n".join(map(json.dumps, lines)).encode()\n'
        'file = client.files.create(file=("asked.jsonl", content), purpose="batch")\n'
        "batch = client.batches.create(\n"
        '    input_file_id=file.id, endpoint="/v1/tasks", completion_window="24h"\n'
        ")\n"
        "print(batch.id, batch.status)"
    )


def _command(offer: Offer, task_input: Mapping[str, Any], parent_id: UUID | None) -> str:
    given = (f"-i {shlex.quote(f'{name}={_as_argument(value)}')}" for name, value in task_input.items())
    parent = () if parent_id is None else (f"--parent {parent_id}",)
    return " ".join(("vermilion run", offer.model, offer.task_type, *given, *parent))


def _as_argument(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
