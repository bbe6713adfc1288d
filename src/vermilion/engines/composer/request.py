"""Reads and bounds what a customer asks of the composer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from vermilion.engines.contract import EngineRefused

PROMPT_CHARACTERS_MAX = 10_000
RATIOS: dict[str, tuple[int, int]] = {
    "1:1": (1, 1),
    "16:9": (16, 9),
    "9:16": (9, 16),
    "3:2": (3, 2),
    "2:3": (2, 3),
    "4:3": (4, 3),
    "3:4": (3, 4),
    "21:9": (21, 9),
    "9:21": (9, 21),
}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for `count` pictures whose longest side is `size` pixels."""

    prompt: str
    negative_prompt: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    aspect_ratio: Literal["1:1", "16:9", "9:16", "3:2", "2:3", "4:3", "3:4", "21:9", "9:21"] = "1:1"
    size: Annotated[int, msgspec.Meta(ge=256, le=2048)] = 1024
    count: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    grid: bool = False

    @property
    def pictures(self) -> int:
        """How many are made."""
        return 4 if self.grid else self.count

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in pixels."""
        across, down = RATIOS[self.aspect_ratio]
        scale = self.size / max(across, down)
        return round(across * scale), round(down * scale)


def with_parent(params: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """The parameters of a follow-up, completed by what its parent was asked for."""
    if operation == "text-to-image":
        return dict(params)
    parent = params.get("parent") or {}
    pictures = parent.get("pictures") or [{}]
    picture = pictures[min(int(params.get("index", 1)), len(pictures)) - 1]
    kept = {"prompt": picture.get("prompt", ""), **parent.get("wish", {})}
    if operation == "remix":
        kept["seed"] = picture.get("seed", 0)
        return {**kept, **params, "seed": kept["seed"]}
    return {**kept, **params}


def read_request(params: Mapping[str, Any]) -> Request:
    """The request in `params`; raises `EngineRefused` with the first thing that is wrong."""
    given = {name: value for name, value in params.items() if value is not None}
    try:
        request = msgspec.convert(given, Request)
    except msgspec.ValidationError as wrong:
        raise EngineRefused(str(wrong)) from None
    for text in (request.prompt, request.negative_prompt or ""):
        if len(text) > PROMPT_CHARACTERS_MAX:
            raise EngineRefused(f"a prompt may have {PROMPT_CHARACTERS_MAX:,} characters at most")
    if not request.prompt.strip():
        raise EngineRefused("the prompt is empty")
    return request
