"""Golden transcripts: `.http` files that read as documentation of a face and are played against a running gateway.

    ### What this step shows
    # until data.status = completed          (optional: ask again until the answer says so)
    POST /api/v1/task
    x-api-key: {{key}}

    {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}

    HTTP 200
    retry-after: {{:number}}                 (optional: headers that the answer must have)

    {"code": 200, "data": {"task_id": "{{task:id}}", "...": "..."}}

`{{name}}` stands for a value that is known: given to the player, or kept from an earlier step by `{{name:kind}}`,
which matches any value of that kind; `{{:kind}}` matches and forgets. An object with the key "..." may have more
fields than are written; every other object must match field by field.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from tests.support.patience import PATIENCE_S

UNTIL_TIMEOUT_S = PATIENCE_S
PLACEHOLDER = re.compile(r"\{\{(\w*)(?::(\w+))?\}\}")
STEP = re.compile(r"^### +(.*)$", re.MULTILINE)
ANSWER = re.compile(r"^HTTP (\d{3})$", re.MULTILINE)
UNTIL = re.compile(r"^# until (\S+) = (\S+)$", re.MULTILINE)
KINDS = {
    "id": lambda value: isinstance(value, str) and str(UUID(value)) == value,
    "time": lambda value: isinstance(value, str) and datetime.fromisoformat(value) is not None,
    "url": lambda value: isinstance(value, str) and re.match(r"https?://\S+$", value) is not None,
    "number": lambda value: isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()),
    "text": lambda value: isinstance(value, str) and value != "",
    "any": lambda _value: True,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One exchange."""

    title: str
    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    status: int
    answer_headers: dict[str, str]
    answer: str | None
    until: tuple[str, str] | None


def transcripts(folder: Path) -> list[Any]:
    """Every transcript of a folder, as parameters of a test."""
    return [pytest.param(path, id=path.stem) for path in sorted(folder.glob("*.http"))]


def steps_of(path: Path) -> list[Step]:
    """The exchanges of a transcript, in order."""
    _, *parts = STEP.split(path.read_text(encoding="utf-8"))
    return [_step(title, text) for title, text in zip(parts[::2], parts[1::2], strict=True)]


@dataclass(slots=True)
class Player:
    """Plays transcripts with one session; `known` are the values that placeholders stand for."""

    session: aiohttp.ClientSession
    known: dict[str, Any] = field(default_factory=dict)

    async def play(self, path: Path) -> None:
        """Every step must be answered as it is written."""
        for step in steps_of(path):
            await self._play(step, f"{path.name}: {step.title}")

    async def _play(self, step: Step, where: str) -> None:
        async with asyncio.timeout(UNTIL_TIMEOUT_S):
            while True:
                status, headers, answer = await self._ask(step)
                if step.until is None or str(_at(answer, step.until[0])) == step.until[1]:
                    break
                await asyncio.sleep(0.1)
        assert (step.status, answer) == (status, answer), where
        for name, wanted in step.answer_headers.items():
            assert [] == list(self._differences(wanted, headers.get(name), name)), where
        if step.answer is not None:
            wanted = json.loads(step.answer) if step.answer[:1] in '{["' else step.answer
            found = list(self._differences(wanted, answer, "$"))
            assert [] == found, f"{where}\n{json.dumps(answer, indent=1)}"

    async def _ask(self, step: Step) -> tuple[int, Any, Any]:
        body = None if step.body is None else self._filled(step.body).encode()
        headers = {name: self._filled(value) for name, value in step.headers.items()}
        async with self.session.request(
            step.method, self._filled(step.path), data=body, headers=headers
        ) as got:
            is_json = got.content_type.endswith("json")
            return got.status, got.headers, await got.json(content_type=None) if is_json else await got.text()

    def _filled(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda found: str(self.known[found[1]]), text)

    def _differences(self, wanted: Any, got: Any, where: str) -> Iterator[str]:
        if isinstance(wanted, dict):
            yield from self._object(wanted, got, where)
        elif isinstance(wanted, list):
            if not isinstance(got, list) or len(wanted) != len(got):
                yield f"{where}: expected {len(wanted)} items, got {got!r}"
                return
            for number, (one, other) in enumerate(zip(wanted, got, strict=True)):
                yield from self._differences(one, other, f"{where}[{number}]")
        elif isinstance(wanted, str) and PLACEHOLDER.search(wanted):
            if not self._fits(wanted, got):
                yield f"{where}: expected {wanted}, got {got!r}"
        elif (type(wanted), wanted) != (type(got), got):
            yield f"{where}: expected {wanted!r}, got {got!r}"

    def _object(self, wanted: dict[str, Any], got: Any, where: str) -> Iterator[str]:
        if not isinstance(got, dict):
            yield f"{where}: expected an object, got {got!r}"
            return
        names = wanted.keys() - {"..."}
        if missing := sorted(names - got.keys()):
            yield f"{where}: lacks {', '.join(missing)}"
        if "..." not in wanted and (more := sorted(got.keys() - names)):
            yield f"{where}: also has {', '.join(more)}"
        for name in [name for name in wanted if name in names & got.keys()]:
            yield from self._differences(wanted[name], got[name], f"{where}.{name}")

    def _fits(self, wanted: str, got: Any) -> bool:
        whole = PLACEHOLDER.fullmatch(wanted)
        if whole is None:
            return self._filled(wanted) == got
        name, kind = whole[1], whole[2]
        if kind is None:
            return bool(self.known[name] == got or str(self.known[name]) == got)
        try:
            fits = KINDS[kind](got)
        except ValueError:
            return False
        if fits and name:
            self.known[name] = got
        return bool(fits)


def _step(title: str, text: str) -> Step:
    asked, status, answered = ANSWER.split(text, maxsplit=1)
    until = UNTIL.search(asked)
    lines = asked.strip("\n").split("\n")
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        lines.pop(0)
    method, path = lines[0].split(" ", 1)
    headers, body = _parts("\n".join(lines[1:]))
    answer_headers, answer = _parts(answered.lstrip("\n") if answered.startswith("\n\n") else answered[1:])
    return Step(
        title,
        method,
        path,
        headers,
        body,
        int(status),
        answer_headers,
        answer,
        (until[1], until[2]) if until else None,
    )


def _parts(text: str) -> tuple[dict[str, str], str | None]:
    """Header lines, and after an empty line the body."""
    if text.lstrip("\n").startswith(("{", "[")):
        return {}, text.strip()
    head, _, body = text.partition("\n\n")
    lines = [line.partition(":") for line in head.strip().split("\n") if ":" in line]
    return {name.strip().lower(): value.strip() for name, _, value in lines}, body.strip() or None


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
