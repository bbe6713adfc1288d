"""Offers: what can be asked for, at what price, and who may do it. Parsed from `catalog/*.toml`."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import jsonschema_rs
import msgspec

from vermilion.domain.midjourney import prompts as midjourney_prompts
from vermilion.domain.pricing import PriceRule, Quote, quote
from vermilion.domain.terms import Offered, Terms
from vermilion.errors import FieldProblem, NotFound

OutputKind = Literal["image", "video", "audio", "model", "text", "data"]
DATA = "data:"
DATA_URI = re.compile(DATA + r"[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=]*")
#: Formats that leave no room for words of one's own.
WORDLESS_FORMATS = frozenset({"media", "uri", "uuid", "date", "date-time", "regex"})
JSON_SCHEMA_FORMAT = "json-schema"  #: marks input fields that take one: its names come back in the answer
MEDIA_FORMAT = "media"  #: marks input fields that take a URL, an upload id or a data URI


class OfferFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[offers]]` table of a family's TOML file.

    `follows` names the task types of the same family that this offer follows up. Where the parent is optional,
    `instead_of_parent` names the input field that must be given when there is no parent.
    `prompt_rules` says whose parameters the prompt may carry: they are checked, and read into fields.
    `charging` is only how the GoAPI face shows a hold: `point` as frozen until the end, `llm` as consumed at once.
    `pack` names the engine pack without which the local engines cannot do it.
    """

    model: str
    task_type: str
    title: str
    description: str
    output: OutputKind
    routes: tuple[str, ...]
    price: PriceRule
    input: dict[str, Any]
    deadline_s: int = 600
    pack: str | None = None
    follows: tuple[str, ...] = ()
    parent: Literal["required", "optional"] = "required"
    instead_of_parent: str | None = None
    prompt_rules: Literal["midjourney"] | None = None
    charging: Literal["point", "llm"] = "point"


class FamilyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A family's TOML file."""

    family: str
    title: str
    offers: tuple[OfferFile, ...]


class Offer:
    """One (model, task type) with its compiled input schema."""

    def __init__(self, family: FamilyFile, file: OfferFile) -> None:
        self.model, self.task_type, self.family = file.model, file.task_type, family.family
        self.title, self.description, self.output = file.title, file.description, file.output
        self.routes, self.deadline_s = file.routes, file.deadline_s
        self.schema = _closed(file.input)
        self.follows, self.instead_of_parent = file.follows, file.instead_of_parent
        self.parent = file.parent if file.follows else None
        self.prompt_rules, self.charging = file.prompt_rules, file.charging
        self.pack = file.pack
        self.offered: Offered = "listed"
        self.cost: int | None = None  #: what the provider takes for each step, if the operator says
        self.routes_before: tuple[tuple[str, ...], ...] = ()
        self.queue = self._queue_by(self.routes)
        self._set_price(file.price)
        self.media_fields = tuple(
            name
            for name, field in self.schema["properties"].items()
            if MEDIA_FORMAT in (field.get("format"), field.get("items", {}).get("format"))
        )
        self._worded = {
            name: None if _is_wordless(field) else (_pointer("/input", name), field)
            for name, field in self.schema["properties"].items()
        }
        self.defaults = {
            name: field["default"] for name, field in self.schema["properties"].items() if "default" in field
        }
        self._validator = jsonschema_rs.Draft202012Validator(self.schema)

    def under(self, terms: Terms, routes_before: Iterable[tuple[str, ...]] = ()) -> Offer:
        """This offer as the operator's terms have it. Tasks that wait by earlier routes are still served by those."""
        changed = copy.copy(self)
        changed.offered, changed.cost = terms.offered, terms.cost
        changed.routes = terms.routes or self.routes
        changed.queue = self._queue_by(changed.routes)
        changed.routes_before = tuple(
            routes for routes in dict.fromkeys([self.routes, *routes_before]) if routes != changed.routes
        )
        if terms.price is not None:
            changed._set_price(terms.price)
        return changed

    def queues_of(self, provider: str) -> Iterator[str]:
        """The queues of this offer, by its routes of today and of before, that a provider serves."""
        for routes in (self.routes, *self.routes_before):
            if provider in routes:
                yield self._queue_by(routes)

    @property
    def key(self) -> tuple[str, str]:
        """(model, task type)."""
        return self.model, self.task_type

    def accepts(self, task_input: Any) -> bool:
        """Whether the input is valid; the quick check of the hot path."""
        return self._validator.is_valid(task_input)

    def completed(self, task_input: dict[str, Any]) -> dict[str, Any]:
        """The input with what its prompt says of other fields. Raises InvalidRequest for wrong parameters."""
        if self.prompt_rules is None:
            return task_input
        read = midjourney_prompts.completed(task_input)
        return {name: read[name] for name in read if name in task_input or name in self.schema["properties"]}

    def quote(self, task_input: Mapping[str, Any], rule: PriceRule | None = None) -> Quote:
        """The price of this input, by another rule if one is given; what is left out is priced as its default."""
        if self._flat_quote is not None and (rule is None or rule is self.price):
            return self._flat_quote
        return quote(rule or self.price, {**self.defaults, **task_input})

    def media(self, task_input: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Every file that a valid input names, as a job names it: `image`, or `images/0` in a list."""
        for name in self.media_fields:
            given = task_input.get(name, ())
            if isinstance(given, str):
                yield name, given
            else:
                yield from ((f"{name}/{number}", value) for number, value in enumerate(given))

    def texts(self, task_input: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Every string that a customer wrote, with its pointer: all but files, choices, ids and addresses."""
        found: list[tuple[str, str]] = []
        for name, value in task_input.items():
            worded = self._worded[name] if name in self._worded else (_pointer("/input", name), {})
            if worded is not None:
                _add_texts(found, value, *worded)
        return found

    def parent_problems(self, task_input: Mapping[str, Any], *, has_parent: bool) -> tuple[FieldProblem, ...]:
        """What is missing of the work that this offer follows up."""
        if has_parent or self.parent is None:
            return ()
        if self.parent == "required":
            return (FieldProblem("/parent_id", f"is required: a task of yours ({', '.join(self.follows)})"),)
        if self.instead_of_parent is None or self.instead_of_parent in task_input:
            return ()
        return (FieldProblem(f"/input/{self.instead_of_parent}", "is required when there is no parent_id"),)

    def problems(self, task_input: Any, prefix: str = "/input") -> tuple[FieldProblem, ...]:
        """Every wrong field of the input, as JSON pointers below `prefix`."""
        return field_problems(self._validator, task_input, prefix)

    def _set_price(self, price: PriceRule) -> None:
        self.price = price
        self.price_json = msgspec.json.encode(price).decode()
        self._flat_quote = quote(price, {}) if price.is_flat else None

    def _queue_by(self, routes: tuple[str, ...]) -> str:
        return "+".join(_served_as(route, self.pack) for route in routes)


class Catalogue:
    """Every offer, by (model, task type)."""

    def __init__(self, families: Iterable[FamilyFile]) -> None:
        families = tuple(families)
        self.families = {family.family: family.title for family in families}
        offers = [Offer(family, file) for family in families for file in family.offers]
        self.offers: Mapping[tuple[str, str], Offer] = {offer.key: offer for offer in offers}
        if len(self.offers) != len(offers):
            raise ValueError("the catalogue names the same (model, task_type) twice")
        self.listed = tuple(self.offers.values())  #: what lists show
        self.models = frozenset(offer.model for offer in offers)

    def under(self, changed: Mapping[tuple[str, str], Offer]) -> Catalogue:
        """The same catalogue with some offers as the operator's terms have them."""
        other = copy.copy(self)
        other.offers = {**self.offers, **changed}
        other.listed = tuple(offer for offer in other.offers.values() if offer.offered == "listed")
        return other

    def offer(self, model: str, task_type: str) -> Offer:
        """The offer, to be used. Raises NotFound naming what exists instead, and for one that is switched off."""
        offer = self.offers.get((model, task_type))
        if offer is None:
            raise NotFound(self._missing(model, task_type), code_hint="unknown_offer")
        if offer.offered == "off":
            detail = f"{model} {task_type} is switched off here; what was accepted before goes on."
            raise NotFound(detail, code_hint="unknown_offer")
        return offer

    @property
    def models_listed(self) -> list[str]:
        """The models of the offers that lists show."""
        return sorted({offer.model for offer in self.listed})

    def queues_of(self, provider: str, packs: frozenset[str] = frozenset()) -> list[str]:
        """The queues of the offers that this provider may do, the local one with these engine packs."""
        able = (o for o in self.offers.values() if provider != "local" or o.pack is None or o.pack in packs)
        return list(dict.fromkeys(queue for offer in able for queue in offer.queues_of(provider)))

    def _missing(self, model: str, task_type: str) -> str:
        types = sorted(offer.task_type for offer in self.listed if offer.model == model)
        if types:
            return f"Model {model!r} has no task type {task_type!r}; it has: {', '.join(types)}."
        return f"There is no model {model!r} here; GET /v1/catalog lists: {', '.join(self.models_listed)}."


def parse_family(text: bytes, source: str) -> FamilyFile:
    """A family from TOML. Raises ValueError naming the file and what is wrong with it."""
    try:
        return msgspec.toml.decode(text, type=FamilyFile)
    except (msgspec.ValidationError, msgspec.DecodeError) as wrong:
        raise ValueError(f"{source}: {wrong}") from wrong


def field_problems(validator: Any, value: Any, prefix: str = "") -> tuple[FieldProblem, ...]:
    """What a JSON Schema validator finds wrong, one problem a field."""
    found = []
    for error in validator.iter_errors(value):
        pointer = prefix + "".join(f"/{escape_pointer(part)}" for part in error.instance_path)
        found.append(FieldProblem(pointer or "/", error.message[:500]))
    return tuple(found)


def escape_pointer(part: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def _pointer(above: str, name: str) -> str:
    return f"{above}/{escape_pointer(name)}"


def _is_wordless(field: Mapping[str, Any]) -> bool:
    """Whether a field's schema leaves no room for words of one's own."""
    items = field.get("items", {})
    return (
        not {"enum", "const"}.isdisjoint(field)
        or field.get("format") in WORDLESS_FORMATS
        or field.get("type") in ("integer", "number", "boolean")
        or (field.get("type") == "array" and bool(items) and _is_wordless(items))
    )


def _add_texts(
    found: list[tuple[str, str]], value: Any, pointer: str, field: Mapping[str, Any], *, names: bool = False
) -> None:
    """Add every text in a value of this schema, which is not wordless; with `names`, those of its fields as well."""
    if isinstance(value, str):
        if not (value.startswith(DATA) and DATA_URI.fullmatch(value)):
            found.append((pointer, value))
    elif isinstance(value, list):
        items = field.get("items", {})
        if not _is_wordless(items):
            for number, item in enumerate(value):
                _add_texts(found, item, f"{pointer}/{number}", items, names=names)
    elif isinstance(value, dict):
        names = names or field.get("format") == JSON_SCHEMA_FORMAT
        for name, item in value.items():
            below, inner = _pointer(pointer, name), field.get("properties", {}).get(name, {})
            if names:
                found.append((below, name))
            if not _is_wordless(inner):
                _add_texts(found, item, below, inner, names=names)


def _served_as(route: str, pack: str | None) -> str:
    """Work for a pack has a queue of its own, so that a node without it never claims it."""
    return f"{route}/{pack}" if route == "local" and pack else route


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Unknown input fields are refused unless the family says otherwise."""
    return {"type": "object", "additionalProperties": False, "properties": {}, **schema}
