"""Generated requests, right and wrong ones, against the running gateway: it keeps to its own API document."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)
#: Streams have no end, no generator knows the body types of resumable uploads and batches, and what a connection's
#: own provider says may rightly be 502.
NOT_GENERATED = "/events$|/description$|^/v1/uploads|^/v1/batches(/quote)?$"
EXAMPLES = 25
MODELS = ("composer", "convert", "cutout", "describe", "echo", "restyle", "upscaler")
TIMEOUT_S = 240.0


@pytest.mark.parametrize("who", ["customer", "operator"])
async def test_the_gateway_keeps_to_its_document(
    who: str, module_server: Server, operator: Api, tmp_path: Path
) -> None:
    """No generated request gets a 5xx, or an answer whose status, type or shape the document does not name."""
    customer = await new_customer(operator, plan={"requests_per_minute": 10**6, "concurrency_total": 100})
    account, plan = await operator.get("/v1/account"), (await customer.get("/v1/account"))["plan"]["id"]
    await operator.call("PATCH", f"/admin/v1/accounts/{account['id']}", {"plan": plan})
    api = customer if who == "customer" else operator
    document = await operator.get("/openapi.json")
    _name_real_things(document, await _real_ids(customer, operator))
    _keep_what_runs_here(document)
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))

    code, report = await _run(path, module_server, api, wanted="/v1/" if who == "customer" else "")

    assert 0 == code, report
    print(report)  # pytest keeps it unless the test fails
    assert " passed" in report
    assert (await operator.get("/admin/v1/ledger/verification"))["balanced"]
    assert "a request broke" not in module_server.log()


def _keep_what_runs_here(document: dict[str, Any]) -> None:
    """Offers of the engines that are always there: the generator cannot take over a hundred alternatives, and what
    needs a provider or a pack rightly answers 501 or 503.
    """
    for schema in document["components"]["schemas"].values():
        if alternatives := [
            one for one in schema.get("anyOf", ()) if "task_type" in one.get("properties", {})
        ]:
            schema["anyOf"] = [one for one in alternatives if one["properties"]["model"]["const"] in MODELS]
            assert len(schema["anyOf"]) >= len(MODELS)
            schema["properties"]["model"]["enum"] = sorted(MODELS)


async def _run(path: Path, server: Server, api: Api, *, wanted: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *(
            "run",
            str(path),
            "--url",
            server.url,
            "--phases",
            "coverage,fuzzing",
            "--checks",
            ",".join(CHECKS),
        ),
        *("--header", f"Authorization: Bearer {api.key}", "--header", f"x-api-key: {api.key}"),
        *("--max-examples", str(EXAMPLES), "--seed", "20261122", "--request-timeout", "20", "--no-shrink"),
        *(
            "--continue-on-failure",
            "--exclude-path-regex",
            NOT_GENERATED,
            "--include-path-regex",
            f"^{wanted}",
        ),
        cwd=path.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, output.decode(errors="replace")


async def _real_ids(customer: Api, operator: Api) -> dict[str, list[str]]:
    """By the part of a path before `{id}`: ids of things that generated requests may harm, and one of nothing."""
    spare = [await customer.post("/v1/keys", {"name": "spare", "scopes": []}) for _ in range(4)]
    account = await operator.post(
        "/admin/v1/accounts", {"name": "Spare", "email": f"{uuid4().hex}@example.com"}
    )
    tasks = [await customer.echo("ended", prefer="wait=20"), await customer.echo("slow", latency_s=3600)]
    [connection] = [
        row for row in (await operator.get("/admin/v1/connections"))["data"] if row["provider"] == "local"
    ]
    nothing = [str(uuid4())]
    return {
        "/v1/keys": [key["id"] for key in spare[:2]] + nothing,
        "/admin/v1/keys": [key["id"] for key in spare[2:]] + nothing,
        "/v1/tasks": [task["id"] for task in tasks] + nothing,
        "/admin/v1/tasks": [task["id"] for task in tasks] + nothing,
        "/admin/v1/accounts": [account["id"], *nothing],
        "/admin/v1/connections": [connection["id"], *nothing],
    }


def _name_real_things(document: dict[str, Any], ids: dict[str, list[str]]) -> None:
    for path, methods in document["paths"].items():
        known = ids.get(path.partition("/{id}")[0])
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path" and known:
                    parameter["schema"] = {"enum": known}
