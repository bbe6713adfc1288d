"""Lines of a batch's file, in our own shape or in OpenAI's, and everything that is wrong with them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from vermilion.errors import FieldProblem, InvalidRequest, VermilionError
from vermilion.services.check_texts import banned, find_banned
from vermilion.services.gateway import Gateway
from vermilion.services.price_task import plan_price
from vermilion.services.submit_task import TaskSubmission, check_submission
from vermilion.storage.accounts import Bearer
from vermilion.storage.batches import NewLine

LINES_MAX = 50_000
LINE_BYTES_MAX = 1_000_000
PROBLEMS_MAX = 100  #: of a refused file that are told
AT_ONCE = 200
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
CustomId = Annotated[str, Meta(min_length=1, max_length=200)]


class BatchLine(TaskSubmission, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A task with a name of the customer's own, by which its result is found."""

    custom_id: CustomId


class OpenAILine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line as OpenAI's batches have it: a request that could have been made by itself."""

    custom_id: CustomId
    method: str
    url: str
    body: dict[str, Any]


class CheckedLines(msgspec.Struct, frozen=True):
    """Every line of a good file, what all of them cost, and what makes the file this file."""

    lines: list[NewLine]
    units: int
    digest: bytes


Translate = Callable[[dict[str, Any]], TaskSubmission]
ReadLine = Callable[[bytes], tuple[str, TaskSubmission]]


def read_native(line: bytes) -> tuple[str, TaskSubmission]:
    """The name and the task of a line in our own shape."""
    decoded = _NATIVE.decode(line)
    fields = {name: getattr(decoded, name) for name in TaskSubmission.__struct_fields__}
    return decoded.custom_id, TaskSubmission(**fields)


def openai_reader(translators: Mapping[str, Translate]) -> ReadLine:
    """Reads lines in OpenAI's shape; each URL that is understood has a translator of its body."""

    def read(line: bytes) -> tuple[str, TaskSubmission]:
        decoded = _OPENAI.decode(line)
        translate = translators.get(decoded.url)
        if decoded.method != "POST" or translate is None:
            known = ", ".join(f"POST {url}" for url in sorted(translators))
            raise InvalidRequest(problems=(FieldProblem("/url", f"must be one of: {known}"),))
        return decoded.custom_id, translate(decoded.body)

    return read


async def check_lines(
    gateway: Gateway, bearer: Bearer, path: Path, *, read_line: ReadLine = read_native
) -> CheckedLines:
    """Every line of a file. Raises InvalidRequest naming what is wrong, line by line, if anything is."""
    lines: list[NewLine] = []
    problems: list[FieldProblem] = []
    names: dict[str, int] = {}
    units, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        numbered = _numbered(file)
        while portion := await asyncio.to_thread(lambda: list(islice(numbered, AT_ONCE))):
            for number, text in portion:
                digest.update(text)
                try:
                    line, price = await _check(
                        gateway, bearer, text, number, read_line=read_line, names=names
                    )
                except InvalidRequest as wrong:
                    problems += _at_line(number, wrong)
                else:
                    lines.append(line)
                    units += price
            if len(problems) >= PROBLEMS_MAX:
                break
            if len(lines) > LINES_MAX:
                raise InvalidRequest(f"A batch may have at most {LINES_MAX} lines; split the file.")
    if problems:
        raise InvalidRequest(
            "Some lines are wrong; nothing was accepted.", problems=tuple(problems[:PROBLEMS_MAX])
        )
    if not lines:
        raise InvalidRequest(
            "The file has no lines; each is a JSON object with custom_id, model, task_type, input."
        )
    return CheckedLines(lines, units, digest.digest())


async def _check(
    gateway: Gateway,
    bearer: Bearer,
    text: bytes,
    number: int,
    *,
    read_line: ReadLine,
    names: dict[str, int],
) -> tuple[NewLine, int]:
    custom_id, asked = _read(text, read_line)
    if custom_id in names:
        raise InvalidRequest(
            problems=(FieldProblem("/custom_id", f"is the same as in line {names[custom_id]}"),)
        )
    names[custom_id] = number
    try:
        offer, task_input = check_submission(gateway, bearer, asked)
        for pointer, words in offer.texts(task_input):
            found = await find_banned(gateway, bearer.account.id, words)
            if found is not None and found.match.rule.act == "block":
                raise banned(msgspec.structs.replace(found, pointer=pointer))
        price = offer.quote(task_input, await plan_price(gateway, bearer, offer, task_input)).units
    except InvalidRequest:
        raise
    except VermilionError as refused:
        raise InvalidRequest(refused.detail) from refused
    return NewLine(number, custom_id, msgspec.json.encode(asked).decode()), price


def _read(text: bytes, read_line: ReadLine) -> tuple[str, TaskSubmission]:
    if len(text) > LINE_BYTES_MAX:
        raise InvalidRequest(f"A line may have at most {LINE_BYTES_MAX} bytes; upload files by themselves.")
    if rb"\u0000" in text:
        raise InvalidRequest("A line must not contain NUL characters.")
    try:
        return read_line(text)
    except msgspec.ValidationError as wrong:
        detail, _, where = str(wrong).partition(" - at `$")
        pointer = where.rstrip("`").replace("[", "/").replace("]", "").replace(".", "/")
        raise InvalidRequest(problems=(FieldProblem(pointer, detail),)) from None
    except NOT_JSON as broken:
        raise InvalidRequest(f"This is not JSON: {broken}") from None


def _numbered(file: Any) -> Iterator[tuple[int, bytes]]:
    """The lines that say something, with their numbers from 1; one that is too long comes cut."""
    number = 0
    while text := file.readline(LINE_BYTES_MAX + 2):
        number += 1
        while not text.endswith(b"\n") and (more := file.readline(LINE_BYTES_MAX)):
            if more.endswith(b"\n"):
                break
        if stripped := text.strip():
            yield number, stripped


def _at_line(number: int, wrong: InvalidRequest) -> list[FieldProblem]:
    place = f"/lines/{number}"
    if not wrong.problems:
        return [FieldProblem(place, wrong.detail)]
    return [FieldProblem(place + problem.pointer.rstrip("/"), problem.detail) for problem in wrong.problems]


_NATIVE = msgspec.json.Decoder(BatchLine)
_OPENAI = msgspec.json.Decoder(OpenAILine)
