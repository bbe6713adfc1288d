"""What is answered as OpenAI does, and which requests are meant so where the native face has the same path."""

from __future__ import annotations

from urllib.parse import parse_qsl

from vermilion.errors import VermilionError
from vermilion.faces.openai.batches import Batches
from vermilion.faces.openai.files import Files
from vermilion.faces.openai.lines import TellTask, batch_endpoints
from vermilion.faces.openai.wire import BATCH_PREFIX
from vermilion.http.asgi import Answer, Scope, header
from vermilion.http.foreign import Face
from vermilion.http.openai_words import openai_refusal

BATCHES = "/v1/batches"


def speaks_openai(scope: Scope) -> bool:
    """Whether a request is OpenAI's: a batch is told by its id, a new one by its JSON body, and a list by the client
    that asks, who names itself or pages with `after`.
    """
    path = scope["path"]
    if path.startswith(f"{BATCHES}/"):
        return str(path).startswith(f"{BATCHES}/{BATCH_PREFIX}")
    if path != BATCHES:
        return True
    if scope["method"] == "POST":
        return (header(scope, b"content-type") or "").partition(";")[0].strip().lower() == "application/json"
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return "after" in dict(query) or header(scope, b"x-stainless-lang") is not None


def face(tell_task: TellTask) -> Face:
    """The contract; `tell_task` is the native shape of a task, which lines of a batch may ask for."""
    endpoints = batch_endpoints(tell_task)
    return Face(
        name="openai",
        operations=(*Files(endpoints).operations(), *Batches(endpoints).operations()),
        refuse=_refuse,
        prefixes=("/v1/files/",),
        speaks=speaks_openai,
    )


def _refuse(error: VermilionError, _scope: Scope) -> Answer:
    return openai_refusal(error)
