"""What a task made, as the faces show it: links by kind, texts, facts, and what can be pressed on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.midjourney.buttons import Button, buttons_of
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import media_path
from vermilion.storage.tasks import TaskRow

FAMILY = "midjourney"


class Result(msgspec.Struct, frozen=True):
    """The output of a task. Of a grid, `image` shows all four `images`."""

    image: str | None = None
    images: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    texts: tuple[str, ...] = ()
    seed: int | None = None
    prompt: str | None = None
    facts: dict[str, Any] = {}
    buttons: tuple[Button, ...] = ()


def show_result(gateway: Gateway, row: TaskRow, origin: str) -> Result:
    """The result with fresh links, empty before the task has completed."""
    if row.output is None:
        return Result()
    output: dict[str, Any] = msgspec.json.decode(row.output)
    assets = output.get("assets", [])
    pictures = [asset for asset in assets if asset["content_type"].startswith("image/")]
    links = tuple(asset_link(gateway, asset, origin) for asset in pictures)
    whole = bool(output.get("grid")) and len(links) > 1
    first = (output.get("pictures") or [{}])[0]
    return Result(
        image=links[0] if links else None,
        images=links[1:] if whole else links,
        videos=tuple(
            asset_link(gateway, asset, origin)
            for asset in assets
            if asset["content_type"].startswith("video/")
        ),
        width=pictures[0]["width"] if pictures else None,
        height=pictures[0]["height"] if pictures else None,
        texts=tuple(_texts(output)),
        seed=output.get("seed", first.get("seed")),
        prompt=first.get("prompt"),
        facts={name: value for name, value in output.items() if name != "assets"},
        buttons=buttons_of(output) if row.family == FAMILY else (),
    )


def asset_link(gateway: Gateway, asset: dict[str, Any], origin: str) -> str:
    """A signed link to a file of a task's output."""
    return origin + media_path(gateway, UUID(asset["id"]), datetime.fromisoformat(asset["expires_at"]))


def told_prompt(row: TaskRow, wire: dict[str, Any], result: Result) -> str:
    """The prompt that a task is shown with: its own, else the one of what it follows up."""
    own = msgspec.json.decode(row.input).get("prompt")
    return str(own or wire.get("prompt") or result.prompt or "")


def wire_of(row: TaskRow) -> dict[str, Any]:
    """What its face remembered of a task."""
    return msgspec.json.decode(row.wire) if row.wire else {}


def failure_of(row: TaskRow) -> tuple[str, str] | None:
    """(code, words) of why a task has no result; None while it may have one, or has."""
    if row.status == "cancelled":
        return "cancelled", "The task was cancelled."
    if row.error is None:
        return None
    error = msgspec.json.decode(row.error)
    return error["code"], error["message"]


def _texts(output: dict[str, Any]) -> list[str]:
    """The texts of an output, whether it has one or several."""
    given = (
        output.get("prompts") or output.get("texts") or output.get("text") or output.get("description") or []
    )
    return [given] if isinstance(given, str) else [str(text) for text in given]
