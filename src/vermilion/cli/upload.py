"""`vermilion upload`: store files, large ones in parts that survive a broken connection."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from vermilion.cli.client import Client, read_file
from vermilion.cli.command import Answer
from vermilion.cli.failures import CommandFailed, Unreachable
from vermilion.cli.show import say, size

PART_BYTES = 8_000_000
BREAKS_MAX = 5
PAUSE_S = 1.0
TUS = {"tus-resumable": "1.0.0"}


async def upload(
    client: Client,
    *,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files to store.", show_default=False)
    ],
) -> Answer:
    """Store files; their ids can stand wherever a task takes a file."""
    stored = [await store(client, file) for file in files]
    return Answer({"data": stored}, lambda: _show(files, stored))


async def store(client: Client, file: Path) -> Any:
    """The stored upload of a file; a large one goes in parts. Raises CommandFailed."""
    content = await read_file(file)
    if len(content) <= PART_BYTES:
        return await client.upload(file)
    path = await _begin(client, file, content)
    headers: Mapping[str, str] = {}
    offset, breaks = 0, 0
    while offset < len(content):
        try:
            headers = await _send(client, path, content[offset : offset + PART_BYTES], offset)
            offset, breaks = int(headers["upload-offset"]), 0
        except Unreachable:
            breaks += 1
            if breaks > BREAKS_MAX:
                raise
            await asyncio.sleep(PAUSE_S * breaks)
            offset = await _where(client, path, offset)
    return await _stored(client, path)


async def _begin(client: Client, file: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    metadata = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in (("filename", file.name), ("sha256", digest))
    )
    headers = await client.ask(
        "POST",
        "/v1/uploads",
        headers={**TUS, "upload-length": str(len(content)), "upload-metadata": metadata},
    )
    return urlsplit(headers["location"]).path


async def _send(client: Client, path: str, part: bytes, offset: int) -> Mapping[str, str]:
    checksum = base64.b64encode(hashlib.sha256(part).digest()).decode()
    return await client.ask(
        "PATCH",
        path,
        headers={
            **TUS,
            "upload-offset": str(offset),
            "upload-checksum": f"sha256 {checksum}",
            "content-type": "application/offset+octet-stream",
        },
        content=part,
    )


async def _where(client: Client, path: str, offset: int) -> int:
    """Where the upload goes on, or the last place we know of while nobody answers."""
    try:
        return int((await client.ask("HEAD", path, headers=TUS))["upload-offset"])
    except Unreachable:
        return offset


async def _stored(client: Client, path: str) -> Any:
    """The stored file of a finished upload, among the newest of the account."""
    media_id = (await client.get(path))["media_id"]
    page = await client.get("/v1/media", query={"kind": "upload", "limit": 200})
    found = next((one for one in page["data"] if one["id"] == media_id), None)
    if found is None:
        raise CommandFailed(f"The upload was stored as {media_id}, but is not among the newest files.")
    return found


def _show(files: list[Path], stored: list[Any]) -> None:
    for file, one in zip(files, stored, strict=True):
        say(f"{one['id']}  {file.name}  {one['content_type']}, {size(one['size_bytes'])}")
