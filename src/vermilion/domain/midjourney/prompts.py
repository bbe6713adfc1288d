"""Midjourney prompts: words, then parameters that begin with two dashes. Every face reads them here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from vermilion.errors import FieldProblem, InvalidRequest

MODES = ("relax", "fast", "turbo")
SEED_MAX = 4_294_967_295
#: A parameter starts at two dashes, or at the long dash that phones make of them, before a letter.
PARAMETER = re.compile(r"(?:^|\s)(?:--|—)(?=[A-Za-z])")
LINK = re.compile(r"https?://\S+", re.IGNORECASE)
RATIO = re.compile(r"(\d{1,4})\s*:\s*(\d{1,4})")
NUMBER = re.compile(r"\d{1,10}(?:\.\d{1,3})?|\.\d{1,3}")
LONG_NAMES = {
    "aspect": "ar",
    "c": "chaos",
    "profile": "p",
    "q": "quality",
    "r": "repeat",
    "s": "stylize",
    "version": "v",
    "w": "weird",
}


class Prompt(msgspec.Struct, frozen=True):
    """A prompt taken apart. `links` stood before the words; `parameters` have their one canonical name."""

    words: str
    links: tuple[str, ...] = ()
    parameters: dict[str, str] = {}

    @property
    def mode(self) -> str | None:
        """The speed that the prompt asks for."""
        return next((mode for mode in MODES if mode in self.parameters), None)

    @property
    def aspect_ratio(self) -> str | None:
        """Width to height, as in `16:9`."""
        return "".join(self.parameters["ar"].split()) if "ar" in self.parameters else None


def read_prompt(text: str) -> Prompt:
    """The prompt's parts, right or wrong."""
    words, *parameters = PARAMETER.split(text.strip())
    links, words = _leading_links(words)
    return Prompt(words.strip(), tuple(links), dict(_named(parameters)))


def prompt_fault(prompt: Prompt) -> str | None:
    """The first thing that Midjourney would refuse, in the words that its resellers use; None if it is right."""
    for name, value in prompt.parameters.items():
        if name not in PARAMETERS:
            return f"Unrecognized Param: --{name}"
        if not PARAMETERS[name](value):
            return f"Invalid Param Value: --{name} {value}".rstrip()
    if len(prompt.links) > 1:
        return "Invalid Param Value: at most one image link may stand before the prompt"
    return None if prompt.words or prompt.links else "Prompt is required."


def completed(task_input: Mapping[str, Any]) -> dict[str, Any]:
    """The input with what its prompt's parameters say put into fields; a field that is given already wins.

    Raises InvalidRequest for a parameter that Midjourney would refuse, unless the input skips that check.
    """
    text = task_input.get("prompt")
    if not isinstance(text, str):
        return dict(task_input)
    prompt = read_prompt(text)
    fault = prompt_fault(prompt)
    if fault is not None and task_input.get("skip_prompt_check") is not True:
        raise InvalidRequest(fault, problems=(FieldProblem("/input/prompt", fault),), prompt_fault=fault)
    read = {
        "process_mode": prompt.mode,
        "aspect_ratio": prompt.aspect_ratio,
        "image": next(iter(prompt.links), None),
    }
    return {**{name: value for name, value in read.items() if value is not None}, **task_input}


def _leading_links(words: str) -> tuple[list[str], str]:
    links = []
    while (found := LINK.match(words.strip())) is not None:
        links.append(found[0])
        words = words.strip()[found.end() :]
    return links, words


def _named(parameters: list[str]) -> Iterator[tuple[str, str]]:
    for parameter in parameters:
        name, _, value = parameter.strip().partition(" ")
        yield LONG_NAMES.get(name.lower(), name.lower()), value.strip()


def _nothing(value: str) -> bool:
    return value == ""


def _anything(value: str) -> bool:
    return value != ""


def _maybe(value: str) -> bool:
    return len(value) < 10_000


def _one_of(*words: str) -> Callable[[str], bool]:
    return lambda value: value.lower() in words


def _between(least: float, most: float) -> Callable[[str], bool]:
    return lambda value: NUMBER.fullmatch(value) is not None and least <= float(value) <= most


def _ratio(value: str) -> bool:
    found = RATIO.fullmatch(value)
    return found is not None and int(found[1]) > 0 and int(found[2]) > 0


#: Every parameter by its canonical name, and whether a value is right for it.
PARAMETERS: Mapping[str, Callable[[str], bool]] = {
    "ar": _ratio,
    "bs": _one_of("1", "2", "4"),
    "chaos": _between(0, 100),
    "cref": _anything,
    "cw": _between(0, 100),
    "draft": _nothing,
    "end": _anything,
    "exp": _between(0, 100),
    "fast": _nothing,
    "hd": _nothing,
    "iw": _between(0, 3),
    "loop": _nothing,
    "motion": _one_of("low", "high"),
    "niji": _one_of("", "4", "5", "6", "7"),
    "no": _anything,
    "oref": _anything,
    "ow": _between(0, 1000),
    "p": _maybe,
    "public": _nothing,
    "quality": _one_of(".25", "0.25", ".5", "0.5", "1", "2", "4"),
    "raw": _nothing,
    "relax": _nothing,
    "repeat": _between(1, 40),
    "seed": _between(0, SEED_MAX),
    "sref": _anything,
    "stealth": _nothing,
    "stop": _between(10, 100),
    "style": _anything,
    "stylize": _between(0, 1000),
    "sv": _between(1, 8),
    "sw": _between(0, 1000),
    "tile": _nothing,
    "turbo": _nothing,
    "v": _one_of("1", "2", "3", "4", "5", "5.0", "5.1", "5.2", "6", "6.0", "6.1", "7", "7.0", "8"),
    "video": _nothing,
    "weird": _between(0, 3000),
}
