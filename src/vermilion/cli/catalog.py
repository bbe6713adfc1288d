"""`vermilion catalog`: what can be asked for, at what price."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer
from vermilion.cli.completion import complete_models
from vermilion.cli.failures import CommandFailed, program
from vermilion.cli.show import money, say, show_table
from vermilion.domain.pricing import STEP_WORDS


async def catalog(
    client: Client,
    *,
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="Show what this one takes.", autocompletion=complete_models),
    ] = None,
) -> Answer:
    """List models, or show what one of them takes and costs."""
    page = await client.get("/v1/catalog")
    if model is None:
        return Answer(page, lambda: _show_offers(page["data"]))
    offers = [offer for offer in page["data"] if offer["model"] == model]
    if not offers:
        raise CommandFailed(
            f"There is no model {model!r} here.", fix=f"see what there is: {program()} catalog"
        )
    return Answer({**page, "data": offers}, lambda: _show_inputs(offers))


def price_line(price: dict[str, Any]) -> str:
    """A price rule in a few words."""
    varies = " and up" if price["multipliers"] else ""
    return f"{money(price['units'])} per {STEP_WORDS.get(price['per'], price['per'])}{varies}"


def _show_offers(offers: list[dict[str, Any]]) -> None:
    rows = [(o["model"], o["task_type"], o["output"], price_line(o["price"]), _title(o)) for o in offers]
    show_table(("model", "task type", "gives", "price", "what it is"), rows, empty="The catalogue is empty.")
    say("", f"Ask for one:  {program()} run MODEL TASK_TYPE   ·   its inputs:  {program()} catalog MODEL")


def _title(offer: dict[str, Any]) -> str:
    missing = not offer["available"]
    return (
        f"{offer['title']}  (needs: {program()} engines add {offer['pack']})" if missing else offer["title"]
    )


def _show_inputs(offers: list[dict[str, Any]]) -> None:
    for offer in offers:
        _show_offer(offer)


def _show_offer(offer: dict[str, Any]) -> None:
    schema = offer["input_schema"]
    say(f"{offer['model']} {offer['task_type']}  —  {price_line(offer['price'])}", offer["description"], "")
    if not offer["available"]:
        say(offer["unavailable_reason"], "")
    rows = [
        (
            name + ("*" if name in schema.get("required", ()) else ""),
            _kind(field),
            _range(field),
            field.get("default"),
            field.get("description") or field.get("title"),
        )
        for name, field in schema["properties"].items()
    ]
    show_table(
        ("input (*required)", "type", "values", "default", "meaning"), rows, empty="It takes no input."
    )
    say("")


def _kind(field: dict[str, Any]) -> str:
    if field.get("format") == "media":
        return "file"
    return "files" if field.get("items", {}).get("format") == "media" else str(field.get("type"))


def _range(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(str(value) for value in field["enum"])
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"up to {field['maxLength']} characters" if "maxLength" in field else ""
