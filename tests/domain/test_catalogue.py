"""The catalogue refuses what it does not understand, and names every wrong field of an input."""

from __future__ import annotations

import pytest

from vermilion.domain.catalogue import Catalogue, FamilyFile, parse_family
from vermilion.errors import NotFound

FAMILY = b"""
family = "picture"
title = "Pictures"

[[offers]]
model = "brush"
task_type = "paint"
title = "Paint"
description = "Paints."
output = "image"
routes = ["local", "remote"]
price = { units = 5, per = "image", quantity = "count" }

[offers.input]
required = ["prompt"]
[offers.input.properties.prompt]
type = "string"
[offers.input.properties.count]
type = "integer"
maximum = 4
[offers.input.properties.start]
type = "string"
format = "media"
"""


FOLLOW_UP = (
    FAMILY.replace(
        b'output = "image"',
        b"""output = "image"
follows = ["sketch", "paint"]
parent = "optional"
instead_of_parent = "start"
""",
    )
    + b"""
[offers.input.properties.layers]
type = "array"
items = { type = "string", format = "media" }
"""
)


def family() -> FamilyFile:
    return parse_family(FAMILY, "picture.toml")


def test_an_offer_is_found_by_model_and_task_type() -> None:
    """An offer knows its family, its queue, its price and which inputs are files."""
    offer = Catalogue([family()]).offer("brush", "paint")

    assert ("picture", "local+remote", ("start",)) == (offer.family, offer.queue, offer.media_fields)
    assert 5 == offer.price.units


@pytest.mark.parametrize(
    ("model", "task_type", "hint"), [("brush", "print", "it has: paint"), ("pen", "paint", "lists: brush")]
)
def test_what_is_missing_is_told_with_what_there_is(model: str, task_type: str, hint: str) -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(NotFound, match=hint):
        Catalogue([family()]).offer(model, task_type)


def test_every_wrong_field_is_named() -> None:
    """One problem for each: missing, too large, of the wrong type, and unknown fields are refused."""
    offer = Catalogue([family()]).offer("brush", "paint")
    problems = offer.problems({"count": 9, "start": 3, "colour/shade": "red"})

    assert not offer.accepts({"count": 9})
    assert offer.accepts({"prompt": "a", "count": 4})
    pointers = " ".join(problem.pointer for problem in problems)
    said = pointers + " ".join(problem.detail for problem in problems)
    assert all(name in said for name in ("/input/count", "/input/start", "prompt", "colour/shade"))


def test_an_offer_exists_once() -> None:
    """Two prices for the same thing are refused at start."""
    with pytest.raises(ValueError, match="twice"):
        Catalogue([family(), family()])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"units = 5", b"units = 0.5", "price"),
        (b'output = "image"', b'output = "smell"', "output"),
        (b'title = "Paint"', b'titel = "Paint"', "titel"),
        (b"family =", b"family", "picture.toml"),
    ],
)
def test_a_wrong_file_names_itself(old: bytes, new: bytes, said: str) -> None:
    """Fractional prices, unknown words and broken TOML are told with the file's name."""
    with pytest.raises(ValueError, match=said) as refused:
        parse_family(FAMILY.replace(old, new), "picture.toml")

    assert "picture.toml" in str(refused.value)


def test_files_of_an_input_are_named_as_a_job_names_them() -> None:
    """A single file by its field, files of a list by field and number."""
    offer = Catalogue([parse_family(FOLLOW_UP, "picture.toml")]).offer("brush", "paint")

    assert ("start", "layers") == offer.media_fields
    assert [("start", "a"), ("layers/0", "b"), ("layers/1", "c")] == list(
        offer.media({"prompt": "x", "start": "a", "layers": ["b", "c"]})
    )


def test_a_follow_up_needs_its_parent_or_what_stands_for_it() -> None:
    """A required parent is asked for; an optional one may be replaced by the named input."""
    optional = Catalogue([parse_family(FOLLOW_UP, "picture.toml")]).offer("brush", "paint")
    text = FOLLOW_UP.replace(b'parent = "optional"', b"")
    required = Catalogue([parse_family(text, "picture.toml")]).offer("brush", "paint")
    plain = Catalogue([family()]).offer("brush", "paint")

    assert ["/input/start"] == [wrong.pointer for wrong in optional.parent_problems({}, has_parent=False)]
    assert () == optional.parent_problems({"start": "a"}, has_parent=False)
    assert ["/parent_id"] == [wrong.pointer for wrong in required.parent_problems({}, has_parent=False)]
    assert () == required.parent_problems({}, has_parent=True) == plain.parent_problems({}, has_parent=False)


def test_texts_are_all_words_of_the_customers_own() -> None:
    """However deep they are: no choices, and names of fields only in a JSON Schema, whose names come back."""
    family = (
        FAMILY
        + b"""
[offers.input.properties.messages]
type = "array"
[offers.input.properties.messages.items]
type = "object"
[offers.input.properties.messages.items.properties.role]
enum = ["user"]
[offers.input.properties.shape]
type = "object"
format = "json-schema"
"""
    )
    offer = Catalogue([parse_family(family, "picture.toml")]).offer("brush", "paint")
    asked = {"messages": [{"role": "user", "content": "a"}], "shape": {"properties": {"b": {"enum": ["c"]}}}}

    found = list(offer.texts(asked))

    assert ("/input/messages/0/content", "a") == found[0]
    assert ["a", "properties", "b", "enum", "c"] == [text for _, text in found]
