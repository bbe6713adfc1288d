"""The OpenAPI 3.1 document, made from the declared operations, their shapes, and the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from vermilion import __version__
from vermilion.domain.catalogue import Catalogue
from vermilion.errors import VermilionError
from vermilion.http.endpoints import NoQuery, Operation
from vermilion.http.problems import Problem

HEADER_TEXTS = {
    "Idempotency-Key": "Sending the same key with the same body again gives the first answer again.",
    "Prefer": "`wait=n` waits up to n seconds (at most 60) for the end of the task.",
    "Last-Event-ID": "The id of the last event that was seen; the stream goes on after it.",
}
COMMON_ERRORS = (401, 403, 422, 429, 503)  #: 422 is also what an unknown query parameter gets


def openapi_document(
    operations: Iterable[Operation], catalogue: Catalogue, paths_more: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole document; each offer's input schema is a part of its own, `paths_more` are taken as they are."""
    operations = tuple(operations)
    shapes = _shapes(operations)
    schemas, parts = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema_of)
    for path, described in paths_more.items():
        paths[path] = {**paths.get(path, {}), **described}
    parts |= {offer_name(*offer.key): offer.schema for offer in catalogue.listed}
    _tie_inputs(parts, catalogue)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Vermilion",
            "version": __version__,
            "description": "One task API, one wallet and one fair queue in front of generative media.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": parts,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def all_errors() -> list[type[VermilionError]]:
    """Every error of the tree that `errors` draws, parents first."""
    found: list[type[VermilionError]] = []
    waiting: list[type[VermilionError]] = [VermilionError]
    while waiting:
        kind = waiting.pop(0)
        found.append(kind)
        waiting += [child for child in kind.__subclasses__() if child.__module__ == VermilionError.__module__]
    return found


def _shapes(operations: tuple[Operation, ...]) -> list[Any]:
    wanted: list[Any] = [Problem]
    for operation in operations:
        wanted += [shape for shape in (operation.body, operation.answers) if shape not in (None, Any)]
        if operation.query is not NoQuery:
            wanted += [field.type for field in msgspec.structs.fields(operation.query)]
    return list(dict.fromkeys(wanted))


def _operation(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method.lower()}{operation.path}").strip("_"),
        "summary": operation.summary,
        "description": _prose(operation.handler.__doc__),
        "tags": [operation.tag],
        "security": [{scheme: [operation.needs]} for scheme in ("bearer", "apiKey")],
        "parameters": _parameters(operation, schema_of),
        "responses": _responses(operation, schema_of),
    }
    if operation.body is not None:
        content: dict[str, Any] = {"application/json": {"schema": schema_of[operation.body]}}
        document["requestBody"] = {"required": True, "content": content}
    elif operation.raw_body or operation.body_file:
        content = {operation.takes: {"schema": {"type": "string", "format": "binary"}}}
        document["requestBody"] = {"required": True, "content": content}
    return document


def _prose(docstring: str | None) -> str:
    """A docstring as running text."""
    return " ".join((docstring or "").split())


def _parameters(operation: Operation, schema_of: dict[Any, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.query is not NoQuery:
        found += [_query_parameter(field, schema_of) for field in msgspec.structs.fields(operation.query)]
    found += [
        {"name": name, "in": "header", "description": HEADER_TEXTS[name], "schema": {"type": "string"}}
        for name in operation.headers
    ]
    return found


def _query_parameter(field: Any, schema_of: dict[Any, Any]) -> dict[str, Any]:
    schema = _without_null(schema_of[field.type])
    if field.default not in (None, msgspec.NODEFAULT):
        schema = {**schema, "default": field.default}
    parameter = {"name": field.name, "in": "query", "schema": schema}
    return parameter | ({"style": "deepObject", "explode": True} if schema.get("type") == "object" else {})


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is absent rather than null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) != 1:
        return schema
    return {**{name: part for name, part in schema.items() if name != "anyOf"}, **choices[0]}


def _responses(operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if operation.streams:
        good["content"] = {operation.answers_as: {"schema": {"type": "string"}}}
    elif operation.answers is not None:
        good["content"] = {operation.answers_as: {"schema": schema_of.get(operation.answers, {})}}
    problem = {"application/problem+json": {"schema": schema_of[Problem]}}
    statuses = {*COMMON_ERRORS, *operation.errors}
    if operation.body is not None:
        statuses |= {400, 413}
    titles = {kind.status: kind.title for kind in reversed(all_errors())}
    responses = {str(operation.status): good}
    if "Last-Event-ID" in operation.headers:
        responses["204"] = {"description": "It is over, and the client has seen its end."}
    if "Prefer" in operation.headers and operation.status == 201:
        responses["200"] = {**good, "description": "The task ended while the request waited."}
    for status in sorted(statuses):
        responses[str(status)] = {"description": titles.get(status, "Refused."), "content": problem}
    return responses


def offer_name(model: str, task_type: str) -> str:
    """The name of an offer's input among the document's schemas."""
    return re.sub(r"\W+", "_", f"Input_{model}_{task_type}")


def _tie_inputs(parts: dict[str, Any], catalogue: Catalogue) -> None:
    """Say which models and task types there are, and which input belongs to them."""
    submission = parts.get("TaskSubmission")
    if submission is None:
        return
    submission["properties"]["model"]["enum"] = catalogue.models_listed
    submission["properties"]["task_type"]["enum"] = sorted({offer.task_type for offer in catalogue.listed})
    # One alternative an offer: readers and generators take it case by case, where conditions multiply.
    submission["anyOf"] = [
        {
            "properties": {
                "model": {"const": model},
                "task_type": {"const": task_type},
                "input": {"$ref": f"#/components/schemas/{offer_name(model, task_type)}"},
            }
        }
        for model, task_type in (offer.key for offer in catalogue.listed)
    ]
