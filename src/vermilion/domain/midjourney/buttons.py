"""What can be pressed on a finished picture: one table, shown by every face in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

CANCEL_LABEL = "Cancel Job"  #: the only thing to press on work that goes on
EMOJI = frozenset("🔄") | {"⬅️", "➡️", "⬆️", "⬇️"}


class Button(msgspec.Struct, frozen=True):
    """One button: `label` as Midjourney writes it, `action` as APIs name it, and the follow-up that it starts."""

    label: str
    action: str
    custom_id: str  #: with a place for the id of the picture's task
    task_type: str
    input: dict[str, Any]

    def id_on(self, task_id: object) -> str:
        """The button's id on the picture of this task."""
        return self.custom_id.format(task_id)

    @property
    def is_emoji(self) -> bool:
        """Whether the label is a symbol."""
        return self.label in EMOJI


def buttons_of(output: Mapping[str, Any] | None) -> tuple[Button, ...]:
    """The buttons of a finished task by what it made: a grid of four, one picture, or neither."""
    pictures = [
        asset for asset in (output or {}).get("assets", ()) if asset["content_type"].startswith("image/")
    ]
    if not output or not pictures:
        return ()
    if output.get("grid"):
        return GRID
    square = pictures[0].get("width") == pictures[0].get("height")
    return tuple(button for button in SINGLE if not (square and button is MAKE_SQUARE))


def find_button(wanted: str, output: Mapping[str, Any] | None, task_id: object) -> Button | None:
    """The button with this label, action or id, if it can be pressed on what the task made."""
    folded = wanted.strip().replace("\ufe0f", "")
    shown = buttons_of(output)
    for button in (*shown, *(UNSHOWN if shown and shown is not GRID else ())):
        names = (button.label.replace("\ufe0f", ""), button.action, button.id_on(task_id))
        if folded in names:
            return button
    return None


def _upscale(label: str, action: str, word: str, index: str) -> Button:
    return Button(label, action, f"MJ::JOB::{word}::1::{{}}::SOLO", "upscale", {"index": index})


def _vary(label: str, index: str) -> Button:
    return Button(label, index, f"MJ::JOB::{index}::1::{{}}::SOLO", "variation", {"index": index})


def _zoom(label: str, ratio: str, share: int) -> Button:
    id_ = f"MJ::Outpaint::{share}::1::{{}}::SOLO"
    return Button(label, f"outpaint_{ratio}x", id_, "outpaint", {"zoom_ratio": ratio})


def _pan(label: str, direction: str) -> Button:
    action = f"pan_{direction}"
    return Button(label, action, f"MJ::JOB::{action}::1::{{}}::SOLO", "pan", {"direction": direction})


def _upsample(number: int) -> Button:
    id_ = f"MJ::JOB::upsample::{number}::{{}}"
    return Button(f"U{number}", f"upscale{number}", id_, "upscale", {"index": str(number)})


def _variation(number: int) -> Button:
    id_ = f"MJ::JOB::variation::{number}::{{}}"
    return Button(f"V{number}", f"variation{number}", id_, "variation", {"index": str(number)})


REROLL = Button("🔄", "reroll", "MJ::JOB::reroll::0::{}::SOLO", "reroll", {})
MAKE_SQUARE = Button("Make Square", "make_square", "MJ::Outpaint::100::1::{}::SOLO", "make_square", {})
VARY_REGION = Button("Vary (Region)", "inpaint", "MJ::Inpaint::1::{}::SOLO", "inpaint", {})
GRID: tuple[Button, ...] = (
    *(_upsample(number) for number in range(1, 5)),
    REROLL,
    *(_variation(number) for number in range(1, 5)),
)
SINGLE: tuple[Button, ...] = (
    _upscale("Upscale (Subtle)", "upscale_subtle", "upsample_v6_2x_subtle", "subtle"),
    _upscale("Upscale (Creative)", "upscale_creative", "upsample_v6_2x_creative", "creative"),
    _vary("Vary (Subtle)", "low_variation"),
    _vary("Vary (Strong)", "high_variation"),
    VARY_REGION,
    _zoom("Zoom Out 1.5x", "1.5", 75),
    _zoom("Zoom Out 2x", "2", 50),
    MAKE_SQUARE,
    _pan("⬅️", "left"),
    _pan("➡️", "right"),
    _pan("⬆️", "up"),
    _pan("⬇️", "down"),
)
#: Of earlier versions of Midjourney: not shown, but clients that know them may press them on one picture.
UNSHOWN: tuple[Button, ...] = (
    _upscale("Upscale (2x)", "upscale_2x", "upsample_v5_2x", "2x"),
    _upscale("Upscale (4x)", "upscale_4x", "upsample_v5_4x", "4x"),
    _upscale("Redo Upscale (2x)", "redo_upscale_2x", "upsample_v5_2x_redo", "2x"),
    _upscale("Redo Upscale (4x)", "redo_upscale_4x", "upsample_v5_4x_redo", "4x"),
    REROLL,
)
