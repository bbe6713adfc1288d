"""The requests that a batch may hold, by their path: each as a task, and the task's end as that path's answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vermilion.domain.catalogue import Catalogue, Offer
from vermilion.errors import FieldProblem, InvalidRequest
from vermilion.faces.openai.wire import seconds
from vermilion.http.endpoints import Call
from vermilion.services.gateway import Gateway
from vermilion.services.show_result import show_result
from vermilion.services.submit_task import TaskSubmission
from vermilion.storage.tasks import TaskRow


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path: its body as a submission, and an ended task as its answer."""

    ask: Callable[[Catalogue, dict[str, Any]], TaskSubmission]
    tell: Callable[[Call, TaskRow], Any]


Endpoints = Mapping[str, Endpoint]
TellTask = Callable[[Gateway, TaskRow, str], Any]


def batch_endpoints(tell_task: TellTask) -> Endpoints:
    """Every path that lines of a batch may name; `tell_task` is the native shape of a task."""
    return {
        "/v1/tasks": Endpoint(_task, lambda call, task: tell_task(call.gateway, task, call.origin)),
        "/v1/images/generations": Endpoint(_picture, _pictures),
        "/v1/embeddings": Endpoint(_texts, _vectors),
    }


def _task(_catalogue: Catalogue, body: dict[str, Any]) -> TaskSubmission:
    """Any task, as the native path takes it."""
    try:
        return msgspec.convert(body, TaskSubmission)
    except msgspec.ValidationError as wrong:
        detail, _, where = str(wrong).partition(" - at `$")
        raise _wrong(where.rstrip("`").replace(".", "/"), detail) from None


def _picture(catalogue: Catalogue, body: dict[str, Any]) -> TaskSubmission:
    """A picture of a prompt; what the model itself knows is passed on under its own name."""
    offer = _offer_of(
        catalogue, body, lambda one: one.output == "image" and one.schema.get("required") == ["prompt"]
    )
    fields = offer.schema["properties"]
    given = {name: value for name, value in body.items() if name not in ("model", "user", "n", "size")}
    if given.pop("response_format", "url") != "url":
        raise _wrong("/response_format", "must be url: pictures are told as links")
    if (number := body.get("n", 1)) != 1:
        given["count" if "count" in fields else "n"] = number
    if (size := body.get("size", "auto")) != "auto":
        given |= _size(fields, size)
    return TaskSubmission(offer.model, offer.task_type, given)


def _pictures(call: Call, task: TaskRow) -> Any:
    links = show_result(call.gateway, task, call.origin).images
    made = [{"url": link} for link in links]
    return {"created": seconds(task.ended_at or task.created_at), "data": made}


def _texts(catalogue: Catalogue, body: dict[str, Any]) -> TaskSubmission:
    """Vectors of one text or of many."""
    offer = _offer_of(catalogue, body, lambda one: "texts" in one.schema["properties"])
    if body.get("encoding_format", "float") != "float":
        raise _wrong("/encoding_format", "must be float")
    known = ("model", "input", "user", "encoding_format")
    given = {name: value for name, value in body.items() if name not in known}
    texts = body.get("input")
    return TaskSubmission(
        offer.model, offer.task_type, {"texts": [texts] if isinstance(texts, str) else texts, **given}
    )


def _vectors(_call: Call, task: TaskRow) -> Any:
    made = msgspec.json.decode(task.output or "{}")
    tokens = made.get("usage", {}).get("total_tokens", 0)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": number, "embedding": vector}
            for number, vector in enumerate(made.get("embeddings", ()))
        ],
        "model": task.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _offer_of(catalogue: Catalogue, body: dict[str, Any], fits: Callable[[Offer], bool]) -> Offer:
    """The first offer of the model that can do this."""
    model = body.get("model")
    for offer in catalogue.offers.values():
        if offer.model == model and fits(offer):
            return offer
    raise _wrong("/model", f"{model!r} does not do this; GET /v1/catalog lists what does")


def _size(fields: Mapping[str, Any], size: Any) -> dict[str, Any]:
    """`1024x768` in the model's own words: both sides, or the shape and the longest side."""
    width, _, height = str(size).partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise _wrong("/size", "must be auto, or width and height as in 1024x1024")
    sides = int(width), int(height)
    if {"width", "height"} <= fields.keys():
        return {"width": sides[0], "height": sides[1]}
    if {"aspect_ratio", "size"} <= fields.keys():
        part = math.gcd(*sides)
        return {"aspect_ratio": f"{sides[0] // part}:{sides[1] // part}", "size": max(sides)}
    raise _wrong("/size", "this model does not take one")


def _wrong(pointer: str, detail: str) -> InvalidRequest:
    return InvalidRequest(problems=(FieldProblem(f"/body{pointer}", detail),))
