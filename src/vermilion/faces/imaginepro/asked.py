"""What clients of ImaginePro send."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.errors import InvalidRequest, NotFound

WORD = re.compile(r"_([a-z])")


class Common(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What every generation takes."""

    ref: str | None = None
    webhook_override: str | None = None
    timeout: Annotated[int, Meta(ge=10, le=900)] | None = None
    disable_cdn: bool = False


class Imagine(Common, frozen=True, rename="camel", kw_only=True):
    """A prompt, with any of Midjourney's parameters in it."""

    prompt: str = ""
    process_mode: str | None = None


class Press(Common, frozen=True, rename="camel", kw_only=True):
    """A button of a finished message."""

    message_id: str = ""
    button: str = ""
    mask: str | None = None
    prompt: str | None = None


class Describe(Common, frozen=True, rename="camel", kw_only=True):
    """A picture to be put into words."""

    url: str = ""


class FaceSwap(Common, frozen=True, rename="camel", kw_only=True):
    """A face, and the picture that is to have it."""

    source: str = ""
    target: str = ""


class Blend(Common, frozen=True, rename="camel", kw_only=True):
    """Two to five pictures."""

    urls: list[str] = []


class FluxImagine(Common, frozen=True, rename="camel", kw_only=True):
    """A prompt for so many pictures."""

    prompt: str = ""
    n: Annotated[int, Meta(ge=1, le=4)] = 1


class Picture(Common, frozen=True, rename="camel", kw_only=True):
    """A picture to work on."""

    image: str = ""
    scale: Annotated[int, Meta(ge=2, le=4)] = 2


class Film(Common, frozen=True, rename="camel", kw_only=True):
    """The frames and the prompt of a video."""

    prompt: str | None = None
    start_frame_url: str = ""
    end_frame_url: str | None = None


class Part(msgspec.Struct, frozen=True):
    """A text or a picture of what a universal generation is made of."""

    type: Literal["text", "image"]
    text: str = ""
    url: str = ""


class Universal(Common, frozen=True, rename="camel", kw_only=True):
    """Texts and pictures for a model that takes both."""

    contents: Annotated[list[Part], Meta(min_length=1, max_length=16)]
    model: str = "nano-banana"


class Sized(Common, frozen=True, rename="camel", kw_only=True):
    """A prompt for a picture of a certain size."""

    prompt: str = ""
    width: int = 1024
    height: int = 1024
    steps: int = 4


class Extension(Common, frozen=True, rename="camel", kw_only=True):
    """A video that is to go on."""

    message_id: str = ""
    index: int = 0
    animate_mode: str | None = None


def read_body(body: dict[str, Any], shape: type[Any]) -> Any:
    """A body as this shape; names may be in camel or, as some clients send them, in snake case.

    Raises InvalidRequest for the first wrong field; fields that are not known are passed over.
    """
    named = {WORD.sub(lambda found: found[1].upper(), name): value for name, value in body.items()}
    try:
        asked = msgspec.convert({name: value for name, value in named.items() if value is not None}, shape)
    except msgspec.ValidationError as wrong:
        detail, _, path = str(wrong).partition(" - at `$.")
        raise InvalidRequest(f"{path.rstrip('`')}: {detail}" if path else detail) from None
    for field in msgspec.structs.fields(shape):
        if field.default == "" and not getattr(asked, field.name).strip():
            raise InvalidRequest(f"{field.encode_name[0].upper()}{field.encode_name[1:]} is required.")
    return asked


def read_id(text: str) -> UUID:
    """A message id. Raises NotFound for anything else: such a message cannot exist."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such task.") from None
