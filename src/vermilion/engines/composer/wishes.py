"""What a customer can ask of the composer, read and bounded here once more behind the catalogue's schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vermilion.engines.composer.scene.graph import Scene
from vermilion.engines.contract import EngineJob, EngineRefused
from vermilion.engines.styles import STYLES
from vermilion.engines.wishes import read_wish

PROMPT_CHARACTERS_MAX = 10_000
PIXELS_MAX = 16_000_000
RATIOS: dict[str, tuple[int, int]] = {
    "1:1": (1, 1), "16:9": (16, 9), "9:16": (9, 16), "3:2": (3, 2), "2:3": (2, 3), "4:3": (4, 3), "3:4": (3, 4),
    "21:9": (21, 9), "9:21": (9, 21),
}  # fmt: skip
Index = Annotated[int, Meta(ge=1, le=4)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Size = Annotated[int, Meta(ge=256, le=2048)]
Side = Annotated[int, Meta(ge=0, le=2048)]
Count = Annotated[int, Meta(ge=1, le=4)]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What every operation may be told."""

    prompt: str = ""
    negative_prompt: str = ""
    style: str | None = None
    seed: Seed = 0
    index: Index = 1
    count: Count = 1
    grid: bool = False
    aspect_ratio: str = "1:1"
    size: Size = 1024
    strength: str | float = ""
    scale: Literal[2, 4] = 2
    mode: Literal["subtle", "creative"] = "subtle"
    keep: Literal["subject", "structure", "colours"] = "subject"
    factor: Annotated[float, Meta(gt=1, le=4)] = 2.0
    direction: Literal["left", "right", "up", "down"] = "right"
    amount: Annotated[float, Meta(ge=0.1, le=1)] = 0.5
    left: Side = 0
    right: Side = 0
    top: Side = 0
    bottom: Side = 0
    seconds: Annotated[int, Meta(ge=3, le=10)] = 5
    motion: Literal["zoom-in", "zoom-out", "left", "right", "up", "orbit"] = "zoom-in"
    codec: Literal["vp9", "av1"] = "vp9"
    fps: Literal[16, 24, 30] = 24
    parent: dict[str, Any] = {}

    @property
    def pictures(self) -> int:
        """How many are made."""
        return 4 if self.grid else self.count


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent left of one picture."""

    asset: int = 0
    seed: int = 0
    prompt: str = ""
    scene: Scene | None = None


def read(job: EngineJob, *, needs_prompt: bool = False) -> Wish:
    """The wish; raises `EngineRefused` with the first thing that is wrong."""
    wish = read_wish(job.params, Wish)
    for text in (wish.prompt, wish.negative_prompt):
        if len(text) > PROMPT_CHARACTERS_MAX:
            raise EngineRefused(f"a prompt may have {PROMPT_CHARACTERS_MAX:,} characters at most")
    if needs_prompt and not wish.prompt.strip():
        raise EngineRefused("the prompt is empty")
    if wish.style is not None and wish.style not in STYLES:
        raise EngineRefused(f"there is no style {wish.style!r}; there are {', '.join(STYLES)}")
    if wish.aspect_ratio not in RATIOS:
        raise EngineRefused(f"there is no shape {wish.aspect_ratio!r}; there are {', '.join(RATIOS)}")
    return wish


def kept_of(wish: Wish) -> Kept:
    """What is known of the parent's picture that `index` names."""
    pictures: list[dict[str, Any]] = wish.parent.get("pictures") or [{}]
    if wish.index > len(pictures):
        raise EngineRefused(f"the parent has {len(pictures)} pictures, so there is no number {wish.index}")
    found = dict(pictures[wish.index - 1])
    found.setdefault("asset", wish.index - 1 + bool(wish.parent.get("grid")))
    try:
        return msgspec.convert(found, Kept)
    except msgspec.ValidationError:  # Made by an earlier version: its picture is still good.
        return Kept(
            asset=int(found["asset"]), seed=int(found.get("seed") or 0), prompt=str(found.get("prompt") or "")
        )


def stage_report(job: EngineJob, number: int, count: int) -> Callable[[float, str], None]:
    """Reports the progress of one picture of several."""

    def report(share: float, text: str) -> None:
        named = text if count == 1 else f"picture {number + 1} of {count}: {text}"
        job.report(1 + int(95 * (number + min(share, 1.0)) / count), named)

    return report
