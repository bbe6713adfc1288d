"""What ImaginePro's clients send for the same task, where that contract has a call for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vermilion.domain.catalogue import Offer


class Unsayable(Exception):
    """This contract has no words for the task."""


class Call(msgspec.Struct, frozen=True):
    """One call: where it goes, and what our fields are called there.

    `said` are fields that must be in the call, because its defaults are others; `always` what it cannot change.
    """

    path: str
    fields: dict[str, str]
    said: dict[str, Any] = {}
    always: dict[str, Any] = {}


FAST = {"process_mode": "fast"}
CALLS: Mapping[tuple[str, str], Call] = {
    ("midjourney", "imagine"): Call(
        "/api/v1/nova/imagine",
        {"prompt": "prompt", "process_mode": "processMode"},
        said={"process_mode": "relax"},
    ),
    ("midjourney", "describe"): Call("/api/v1/nova/describe", {"image_url": "url"}),
    ("midjourney", "blend"): Call("/api/v1/nova/blend", {"image_urls": "urls"}, always=FAST),
    ("midjourney", "video"): Call(
        "/api/v1/video/mj/generate",
        {"image": "startFrameUrl", "end_image": "endFrameUrl", "prompt": "prompt"},
        always=FAST,
    ),
    ("Qubico/flux1-schnell", "txt2img"): Call(
        "/api/v1/flux/imagine", {"prompt": "prompt", "batch_size": "n"}
    ),
    ("Qubico/image-toolkit", "face-swap"): Call(
        "/api/v1/nova/faceswap", {"target_image": "target", "swap_image": "source"}
    ),
    ("Qubico/image-toolkit", "upscale"): Call("/api/v1/flux/upscale", {"image": "image", "scale": "scale"}),
    ("Qubico/image-toolkit", "background-remove"): Call("/api/v1/tools/remove-bg", {"image": "image"}),
    ("Qubico/z-image", "txt2img"): Call(
        "/api/v1/universal/zimage",
        {name: name for name in ("prompt", "width", "height", "steps")},
        said={"width": 1024, "height": 1024, "steps": 4},
    ),
}
#: The models of universal generations, by that service's names.
GEMINI = {
    "gemini-2.5-flash-image": "nano-banana",
    "nano-banana-2": "nano-banana-2",
    "nano-banana-pro": "gemini-3-pro-image-preview",
}


def imaginepro_call(
    offer: Offer, task_input: Mapping[str, Any], *, has_parent: bool
) -> tuple[str, dict[str, Any]]:
    """(path, body) of the call. Raises Unsayable with the reason."""
    if has_parent:
        raise Unsayable("follow-ups are buttons of a message there")
    if offer.model == "gemini" and offer.task_type in GEMINI:
        return _universal(offer, task_input)
    call = CALLS.get(offer.key)
    if call is None:
        raise Unsayable(f"it has no call for {offer.model} {offer.task_type}")
    for name, value in call.always.items():
        if task_input.get(name, offer.defaults.get(name)) != value:
            raise Unsayable(f"it does {offer.model} {offer.task_type} with {name} {value} only")
    given = {name: value for name, value in task_input.items() if name not in call.always}
    _check(offer, given, call.fields)
    return call.path, {call.fields[name]: value for name, value in (call.said | given).items()}


def _universal(offer: Offer, task_input: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Texts and pictures in one list."""
    _check(offer, task_input, {"prompt": "text", "image_urls": "image"})
    contents = [
        *({"type": "image", "url": url} for url in task_input.get("image_urls", ())),
        *({"type": "text", "text": text} for text in (task_input.get("prompt"),) if text),
    ]
    return "/api/v1/universal/imagine", {"model": GEMINI[offer.task_type], "contents": contents}


def _check(offer: Offer, given: Mapping[str, Any], fields: Mapping[str, str]) -> None:
    for name in given:
        if name not in fields:
            raise Unsayable(f"it has no field for {name} of {offer.model} {offer.task_type}")
