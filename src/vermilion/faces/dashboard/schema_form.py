"""Forms drawn from an offer's JSON Schema, and what was sent read back by the same schema. Pure; knows no request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vermilion.domain.catalogue import MEDIA_FORMAT

LONG_TEXT_CHARACTERS = 200
FEW_CHOICES = 8
RANGE_STEPS_MAX = 200
ADVANCED_AFTER = 6  #: fields beyond these, unless required, stand under "More settings"


class Control(msgspec.Struct, frozen=True):
    """One field as a page draws it.

    `kind`: prompt, text, choices, select, range, number, check, media, media_list, json.
    `value` is text as a form holds it (`checked` for check boxes).
    """

    name: str
    kind: str
    label: str
    help: str
    value: str
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: str = ""
    maximum: str = ""
    step: str = ""
    example: str = ""
    error: str = ""
    advanced: bool = False


def controls(
    schema: Mapping[str, Any],
    values: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
    *,
    names: Mapping[str, str] | None = None,
) -> list[Control]:
    """The fields of an object schema in its order. `values` is an input; `errors` are texts by field.

    With `names` only these fields are drawn, each under the name that it has in the form.
    """
    required = frozenset(schema.get("required", ()))
    fields = [(name, f) for name, f in schema["properties"].items() if names is None or name in names]
    drawn = []
    for number, (name, field) in enumerate(fields):
        control = _control(name, field, values.get(name), (errors or {}).get(name, ""))
        drawn.append(
            msgspec.structs.replace(
                control,
                name=name if names is None else names[name],
                required=name in required,
                advanced=name not in required and (number >= ADVANCED_AFTER or bool(field.get("x-advanced"))),
            )
        )
    return drawn


def shared_fields(first: Mapping[str, Any], other: Mapping[str, Any]) -> frozenset[str]:
    """Fields of `other` that can be taken from a form of `first`: the same name, and whatever can be chosen there
    means something here.
    """
    return frozenset(
        name
        for name, field in other["properties"].items()
        if name in first["properties"] and _takes_all_of(field, first["properties"][name])
    )


def _takes_all_of(field: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether one field can stand for another; texts that are too long are said so when they come."""
    if _kind(field) in ("number", "range"):
        numbers = asked.get("type") == field.get("type")
        return numbers and _bounds(field, -1) <= _bounds(asked, -1) and _bounds(asked, 1) <= _bounds(field, 1)
    if _kind(field) in ("choices", "select"):
        return _kind(asked) in ("choices", "select") and set(asked["enum"]) <= set(field["enum"])
    return _kind(field) == _kind(asked) or {_kind(field), _kind(asked)} == {"text", "prompt"}


def _bounds(field: Mapping[str, Any], side: int) -> float:
    """The lower or the upper end of what a number may be."""
    end = field.get("minimum" if side < 0 else "maximum")
    return side * float("inf") if end is None else float(end)


def read_form(schema: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """The input that a form means. Empty fields and defaults are left out; what cannot be read stays text, so that
    the schema's own validator says what is wrong with it.
    """
    task_input: dict[str, Any] = {}
    for name, field in schema["properties"].items():
        value = _read(field, sent.get(name), _kind(field))
        if value is not None and value != field.get("default", _ABSENT):
            task_input[name] = value
    return task_input


_ABSENT = object()


def _control(name: str, field: Mapping[str, Any], value: Any, error: str) -> Control:
    shown = field.get("default") if value is None else value
    return Control(
        name=name,
        kind=_kind(field),
        label=field.get("title") or name.replace("_", " ").capitalize(),
        help=field.get("description", ""),
        value=_as_text(shown),
        choices=tuple(_as_text(choice) for choice in field.get("enum", ())),
        minimum=_as_text(field.get("minimum")),
        maximum=_as_text(field.get("maximum")),
        step="1" if field.get("type") == "integer" else "any",
        example=_as_text(next(iter(field.get("examples", ())), None)),
        error=error,
    )


def _kind(field: Mapping[str, Any]) -> str:
    rules: tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...] = (
        (lambda f: f.get("format") == MEDIA_FORMAT, "media"),
        (
            lambda f: f.get("type") == "array" and f.get("items", {}).get("format") == MEDIA_FORMAT,
            "media_list",
        ),
        (lambda f: "enum" in f and len(f["enum"]) <= FEW_CHOICES, "choices"),
        (lambda f: "enum" in f, "select"),
        (lambda f: f.get("type") == "boolean", "check"),
        (_is_range, "range"),
        (lambda f: f.get("type") in ("integer", "number"), "number"),
        (lambda f: f.get("type") == "string" and f.get("maxLength", 0) > LONG_TEXT_CHARACTERS, "prompt"),
        (lambda f: f.get("type") == "string", "text"),
    )
    return next((kind for fits, kind in rules if fits(field)), "json")


def _is_range(field: Mapping[str, Any]) -> bool:
    low, high = field.get("minimum"), field.get("maximum")
    return (
        field.get("type") in ("integer", "number")
        and low is not None
        and high is not None
        and high - low <= RANGE_STEPS_MAX
    )


def _read(field: Mapping[str, Any], sent: Any, kind: str) -> Any:
    if kind == "check":
        return sent == "on" if sent is not None or "default" in field else None
    text = sent if isinstance(sent, str) else ""
    if not text.strip():
        return None
    if kind in ("prompt", "text", "media"):
        return text.strip() if kind != "prompt" else text
    if kind == "media_list":
        return text.split()
    return _plain(field, text)


def _plain(field: Mapping[str, Any], text: str) -> Any:
    if field.get("type") == "string":
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return msgspec.json.encode(value).decode()
