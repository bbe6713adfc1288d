"""The API document and the catalogue as a person reads them: plain values for the page's template, no HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vermilion.domain.catalogue import Catalogue, Offer
from vermilion.domain.money import dollars
from vermilion.domain.pricing import STEP_WORDS, PriceRule
from vermilion.errors import VermilionError
from vermilion.http.openapi import all_errors

Schema = Mapping[str, Any]
BOUNDS = (("minimum", "at least {}"), ("maximum", "at most {}"), ("maxLength", "at most {} characters"))
DEPTH_MAX = 6


@dataclass(frozen=True, slots=True)
class Field:
    """One named value of a body, an answer or a query, with what lies inside it."""

    name: str
    type: str
    required: bool
    text: str
    notes: tuple[str, ...] = ()
    inner: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer that an operation can give, or the body that it takes."""

    label: str
    text: str
    type: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation. `refusals` are (status, title) of the errors that it can answer."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    scope: str | None
    parameters: tuple[Field, ...]
    body: Exchange | None
    answers: tuple[Exchange, ...]
    refusals: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that belong together."""

    name: str
    anchor: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class OfferEntry:
    """One offer: what it takes and what it costs, in words."""

    anchor: str
    model: str
    task_type: str
    title: str
    text: str
    price: str
    price_notes: tuple[str, ...]
    fields: tuple[Field, ...]


def groups(document: Schema) -> list[Group]:
    """Every operation of the document under its tag, in the document's order."""
    by_tag: dict[str, list[Entry]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_entry(document, path, method, operation))
    return [Group(tag, _anchor("tag", tag), tuple(entries)) for tag, entries in by_tag.items()]


def offers(catalogue: Catalogue) -> list[OfferEntry]:
    """Every offer that the catalogue lists."""
    return [_offer(offer) for offer in catalogue.listed]


def errors_by_status() -> dict[int, list[type[VermilionError]]]:
    """Every error that has a code of its own, by status."""
    by_code = {kind.code: kind for kind in all_errors()}
    found: dict[int, list[type[VermilionError]]] = {}
    for kind in sorted(by_code.values(), key=lambda kind: kind.status):
        found.setdefault(kind.status, []).append(kind)
    return found


def price_text(rule: PriceRule) -> str:
    """The plain price of a rule, as in `$0.005 per image`."""
    step = STEP_WORDS.get(rule.per, rule.per)
    return f"{dollars(rule.units)} per {step}"


def _entry(document: Schema, path: str, method: str, operation: Schema) -> Entry:
    responses = operation["responses"].items()
    scopes = [scope for one in operation["security"] for held in one.values() for scope in held]
    return Entry(
        anchor=_anchor("op", operation["operationId"]),
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        text="" if operation["description"] == operation["summary"] + "." else operation["description"],
        scope=scopes[0] if scopes else None,
        parameters=tuple(_parameter(document, one) for one in operation["parameters"]),
        body=_exchange(document, "Body", operation["requestBody"]) if "requestBody" in operation else None,
        answers=tuple(_exchange(document, status, one) for status, one in responses if int(status) < 400),
        refusals=tuple((int(status), one["description"]) for status, one in responses if int(status) >= 400),
    )


def _parameter(document: Schema, parameter: Schema) -> Field:
    name, place, schema = parameter["name"], parameter["in"], _resolved(document, parameter["schema"])
    shown = f"{name}[key]" if parameter.get("style") == "deepObject" else name
    text = parameter.get("description") or schema.get("description", "")
    notes = tuple(_notes(schema))
    return Field(shown, f"{place} · {_type(document, schema)}", parameter.get("required", False), text, notes)


def _exchange(document: Schema, label: str, part: Schema) -> Exchange:
    content = part.get("content")
    if not content:
        return Exchange(label, part.get("description", ""), "", ())
    [(media_type, held)] = content.items()
    schema = _resolved(document, held["schema"])
    type_ = _type(document, held["schema"]) if media_type == "application/json" else media_type
    return Exchange(label, part.get("description", ""), type_, _fields(document, schema))


def _offer(offer: Offer) -> OfferEntry:
    notes = [
        f"{multiplier.field} {value!r}: {percent} %"
        for multiplier in offer.price.multipliers
        for value, percent in multiplier.percent.items()
    ]
    return OfferEntry(
        anchor=_anchor("offer", f"{offer.model}-{offer.task_type}"),
        model=offer.model,
        task_type=offer.task_type,
        title=offer.title,
        text=offer.description,
        price=price_text(offer.price),
        price_notes=tuple(notes),
        fields=_fields({}, offer.schema),
    )


def _fields(document: Schema, schema: Schema, depth: int = 0) -> tuple[Field, ...]:
    if depth == DEPTH_MAX:
        return ()
    required = schema.get("required", ())
    return tuple(
        _field(document, name, part, name in required, depth)
        for name, part in schema.get("properties", {}).items()
    )


def _field(document: Schema, name: str, part: Schema, required: bool, depth: int) -> Field:
    schema = _resolved(document, part)
    text = part.get("description") or schema.get("description", "")
    if not text and schema.get("title") not in (None, name):
        text = schema["title"]
    inner = _fields(document, _inside(document, schema), depth + 1)
    type_ = _type(document, part) if required else _type(document, part).removesuffix(" or null")
    return Field(name, type_, required, text, tuple(_notes(schema)), inner)


def _inside(document: Schema, schema: Schema) -> Schema:
    """The object whose fields are shown below a field: itself, one item of a list, or what else it can be than null."""
    for choice in schema.get("anyOf", ()):
        found = _inside(document, _resolved(document, choice))
        if found:
            return found
    if "items" in schema:
        return _inside(document, _resolved(document, schema["items"]))
    return schema if "properties" in schema else {}


def _resolved(document: Schema, schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: Schema = document["components"]["schemas"][name]
    return found


def _type(document: Schema, schema: Schema) -> str:
    """What a value is, in a few words."""
    if "$ref" in schema:
        resolved = _resolved(document, schema)
        title = str(resolved.get("title", "object")).replace("View", "")
        return title.replace("Page[", "page of ").rstrip("]")
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(document, choice) for choice in schema["anyOf"]))
    kind = schema.get("type", "string" if "enum" in schema else "any value")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_type(document, schema['items'])}" if "items" in schema else "list"
    return str(schema.get("format", kind))


def _notes(schema: Schema) -> Iterator[str]:
    choices = [schema, *schema.get("anyOf", ())]
    for values in (choice["enum"] for choice in choices if "enum" in choice):
        yield "one of " + ", ".join(str(value) for value in values if value is not None)
    for choice in choices:
        for bound, words in BOUNDS:
            if bound in choice:
                yield words.format(f"{choice[bound]:,}")
    if schema.get("default") not in (None, {}):
        yield f"default {schema['default']}"


def _anchor(kind: str, name: str) -> str:
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"
