"""Which fields offers share when they are asked the same, and how a form names the rest."""

from __future__ import annotations

from typing import Any

import pytest

from vermilion.domain.catalogue import Offer, parse_family
from vermilion.faces.dashboard.asking import parts_of
from vermilion.faces.dashboard.schema_form import shared_fields

FAMILY = """
family = "{name}"
title = "T"
[[offers]]
model = "{name}"
task_type = "make"
title = "{name}"
description = "D"
output = "{output}"
routes = ["local"]
price = {{ units = 10 }}
{more}
[offers.input]
required = ["prompt"]
properties = {{ prompt = {{ type = "string", maxLength = 500 }}{fields} }}
"""


def an_offer(name: str, fields: str = "", *, output: str = "image", more: str = "") -> Offer:
    text = FAMILY.format(name=name, fields=", " + fields if fields else "", output=output, more=more)
    family = parse_family(text.encode(), name)
    return Offer(family, family.offers[0])


def schema(**fields: Any) -> dict[str, Any]:
    return {"properties": fields}


@pytest.mark.parametrize(
    ("first", "other", "shared"),
    [
        ({"type": "integer"}, {"type": "integer"}, True),
        ({"type": "integer"}, {"type": "number"}, False),
        ({"type": "integer", "minimum": 1, "maximum": 4}, {"type": "integer", "minimum": 0}, True),
        ({"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}, False),
        ({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}, True),
        ({"enum": ["a", "b", "c"]}, {"enum": ["a", "b"]}, False),
        ({"enum": ["a"]}, {"type": "string"}, False),
        ({"type": "string"}, {"type": "string", "maxLength": 4000}, True),
        ({"type": "string", "format": "media"}, {"type": "string", "format": "media"}, True),
        ({"type": "string", "format": "media"}, {"type": "string"}, False),
        ({"type": "boolean"}, {"type": "boolean"}, True),
        ({"type": "object"}, {"type": "string"}, False),
    ],
)
def test_a_field_is_shared_if_whatever_is_chosen_means_something(
    first: dict[str, Any], other: dict[str, Any], shared: bool
) -> None:
    """The same name, the same kind, and no choice or number that the other would refuse."""
    assert shared == ("x" in shared_fields(schema(x=first), schema(x=other)))


def test_fields_of_ones_own_are_asked_for_under_ones_number() -> None:
    """What is not shared has the part's number before its name, and is read from there alone."""
    first = an_offer("first", "size = { type = 'integer' }")
    other = an_offer("other", "width = { type = 'integer' }, seed = { type = 'integer' }")

    parts = parts_of(first, [other])
    sent = {"prompt": "a fox", "size": "256", "width": "1", "1:width": "64", "1:seed": ""}

    assert [{"prompt": "a fox", "size": 256}, {"prompt": "a fox", "width": 64}] == [
        part.read(sent) for part in parts
    ]
    assert ["1:width", "1:seed"] == [control.name for control in parts[1].controls({}, {})]
    assert ["prompt", "size"] == [control.name for control in parts[0].controls({}, {})]


def test_only_what_makes_the_same_kind_of_thing_stands_beside() -> None:
    """At most three, none twice, none that follows something up."""
    first = an_offer("first")
    film = an_offer("film", output="video")
    follow_up = an_offer("after", more='follows = ["make"]')
    others = [an_offer(name) for name in ("b", "c", "d")]

    parts = parts_of(first, [film, first, follow_up, others[0], others[0], *others[1:]])

    assert ["first", "b", "c"] == [part.offer.model for part in parts]


def test_a_link_fills_in_what_it_names_and_what_fits() -> None:
    """Fields that a link does not name keep their defaults; what would be refused is left out."""
    [part] = parts_of(
        an_offer(
            "one", "grid = { type = 'boolean', default = true }, size = { type = 'integer', maximum = 9 }"
        ),
        [],
    )

    assert {"prompt": "a fox"} == part.read_given({"prompt": "a fox", "size": "10", "unknown": "1"})
    assert {"grid": False, "size": 9} == part.read_given({"grid": "off", "size": "9"})
