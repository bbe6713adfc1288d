"""Bad input of every kind gets the documented problem and changes nothing."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow

GOOD: dict[str, Any] = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello"}}
PROBLEM_FIELDS = {"type", "title", "status", "code", "detail", "request_id"}


def good(**more: Any) -> dict[str, Any]:
    """A good submission with something else in it."""
    return {**GOOD, **more}


def cutout(image: str) -> dict[str, Any]:
    """A submission of a file."""
    return {"model": "cutout", "task_type": "remove-background", "input": {"image": image}}


#: What is sent, the status and code it gets, and the fields that the problem names.
BODIES: dict[str, tuple[Any, int, str, set[str]]] = {
    "nothing": (b"", 400, "malformed_body", set()),
    "not JSON": (b"{model:", 400, "malformed_body", set()),
    "bad UTF-8": (b'{"model": "\xff"}', 400, "malformed_body", set()),
    "bad UTF-8 beside a wrong type": (
        b'{"model": 1, "input": {"prompt": "\xff\xfe"}}',
        400,
        "malformed_body",
        set(),
    ),
    "a raw NUL": (b'{"model": "a\0b"}', 400, "malformed_body", set()),
    "a lone surrogate": (b'{"model": "\\ud800"}', 400, "malformed_body", set()),
    "nested too deep": (
        json.dumps(good(metadata={"x": 0})).replace("0}", "[" * 10_000 + "]" * 10_000 + "}").encode(),
        400,
        "malformed_body",
        set(),
    ),
    "another type": ([1], 422, "invalid_request", {"/"}),
    "no fields": ({}, 422, "invalid_request", {"/"}),
    "many wrong fields": (
        {
            "model": "echo",
            "task_type": "echo",
            "input": {"prompt": 5, "latency_s": -1, "colour": "red"},
            "priority": "first",
            "deadline_s": -1,
            "webhook": {"url": 7},
            "metadata": [],
            "parent_id": "me",
            "extra": True,
        },
        422,
        "invalid_request",
        {
            *("/input/prompt", "/input/latency_s", "/input", "/priority", "/deadline_s", "/webhook/url"),
            *("/metadata", "/parent_id", "/"),
        },
    ),
    "an unknown field": (good(colour="red"), 422, "invalid_request", {"/"}),
    "NUL in the input": (good(input={"prompt": "a\0"}), 422, "invalid_request", {"/input/prompt"}),
    "NUL in a key": (good(metadata={"a\0": 1}), 422, "invalid_request", {"/metadata/a\0"}),
    "a number beyond all": (
        json.dumps(good(metadata={"n": 0})).replace("0}", "1e999}").encode(),
        422,
        "invalid_request",
        set(),
    ),
    "an unknown model": (good(model="nobody"), 404, "not_found", set()),
    "an unknown task type": (good(task_type="sing"), 404, "not_found", set()),
    "an input of the wrong shape": (
        good(input={"prompt": "", "latency_s": 1e9}),
        422,
        "invalid_request",
        {"/input/prompt", "/input/latency_s"},
    ),
    "a wrong composer input": (
        {
            "model": "composer",
            "task_type": "text-to-image",
            "input": {"prompt": "x", "size": 1, "count": 1.5, "seed": -1},
        },
        422,
        "invalid_request",
        {"/input/size", "/input/count", "/input/seed"},
    ),
    "no photograph": (
        {"model": "cutout", "task_type": "remove-background", "input": {}},
        422,
        "invalid_request",
        {"/input"},
    ),
    "not a photograph": (
        cutout("data:image/png;base64,AAAA"),
        422,
        "invalid_request",
        {"/input/image"},
    ),
    "a broken data URI": (cutout("data:image/png;base64"), 422, "invalid_request", {"/input/image"}),
    "an unknown upload": (cutout(str(uuid4())), 422, "invalid_request", {"/input/image"}),
    "a file of the machine": (cutout("file:///etc/passwd"), 422, "invalid_request", {"/input/image"}),
    "a private address": (
        cutout("http://169.254.169.254/latest/meta-data"),
        422,
        "invalid_request",
        {"/input/image"},
    ),
    "a webhook at a private address": (
        good(webhook={"url": "http://10.0.0.1/"}),
        422,
        "invalid_request",
        {"/webhook/url"},
    ),
    "a webhook that is no URL": (
        good(webhook={"url": "gopher://x"}),
        422,
        "invalid_request",
        {"/webhook/url"},
    ),
    "a short webhook secret": (
        good(webhook={"url": "http://127.0.0.1:9/", "secret": "short"}),
        422,
        "invalid_request",
        {"/webhook/secret"},
    ),
    "an unknown event": (
        good(webhook={"url": "http://127.0.0.1:9/", "events": ["task.sung"]}),
        422,
        "invalid_request",
        {"/webhook/events/0"},
    ),
    "a priority that does not exist": (good(priority=10), 422, "invalid_request", {"/priority"}),
    "a priority beyond the plan": (good(priority=0), 422, "invalid_request", set()),
    "no time": (good(deadline_s=0), 422, "invalid_request", {"/deadline_s"}),
    "too much time": (good(deadline_s=10**9), 422, "invalid_request", {"/deadline_s"}),
    "an unknown parent": (good(parent_id=str(uuid4())), 422, "invalid_request", {"/parent_id"}),
    "a connection of its own": (good(service_mode="private"), 422, "invalid_request", {"/service_mode"}),
    "too much metadata": (good(metadata={"a": "x" * 20_000}), 422, "invalid_request", {"/metadata"}),
}


@pytest.fixture
async def untouched(customer: Api) -> AsyncIterator[Api]:
    """A customer who has the same money, and no task, after the test."""
    before = await customer.get("/v1/wallet")
    yield customer
    assert before == await customer.get("/v1/wallet")
    assert [] == (await customer.get("/v1/tasks"))["data"]


def check_problem(status: int, headers: Any, body: Any) -> None:
    """An error is a whole problem document that points to its own description."""
    assert "application/problem+json" == headers["content-type"]
    assert set(body) >= PROBLEM_FIELDS, body
    assert status == body["status"]
    assert f"/docs#error-{body['code']}" == body["type"]
    assert headers["x-request-id"] == body["request_id"]


async def refused(api: Api, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """(status, problem) of a request that must be refused with a whole problem document."""
    status, answered, problem = await api.call_raw(method, path, body, **headers)
    check_problem(status, answered, problem)
    return status, problem


@pytest.mark.parametrize("name", BODIES)
async def test_a_bad_submission_is_refused_whole(name: str, untouched: Api) -> None:
    """A bad submission gets its status, code and every wrong field at once; a quote of it is refused alike."""
    body, status, code, fields = BODIES[name]

    answer = await refused(untouched, "POST", "/v1/tasks", body)

    assert (status, code) == (answer[0], answer[1]["code"]), answer
    if fields:
        assert fields == {problem["pointer"] for problem in answer[1]["problems"]}


@pytest.mark.parametrize("announced", [True, False])
async def test_a_huge_body_is_refused(announced: bool, untouched: Api) -> None:
    """A body beyond the limit is refused whether or not it announces its length, and the client hears of it."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 1_000_000

    headers = {"authorization": f"Bearer {untouched.key}"}
    body = io.BytesIO(b" " * 30_000_000) if announced else pieces()
    async with untouched.session.post("/v1/tasks", data=body, headers=headers) as answer:
        problem = await answer.json(content_type=None)

    check_problem(413, answer.headers, problem)
    assert (413, "body_too_large") == (answer.status, problem["code"])


@pytest.mark.parametrize("key", ["with space", "x" * 256, "ünï"])
async def test_a_bad_idempotency_key_is_refused(key: str, untouched: Api) -> None:
    """An Idempotency-Key that cannot be kept is refused before anything happens."""
    status, problem = await refused(untouched, "POST", "/v1/tasks", GOOD, idempotency_key=key)

    assert (422, "Idempotency-Key") == (status, problem["problems"][0]["pointer"])


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/tasks?limit=0", "?limit"),
        ("/v1/tasks?limit=201", "?limit"),
        ("/v1/tasks?limit=many", "?limit"),
        ("/v1/tasks?limit=1&limit=2", "?limit"),
        ("/v1/tasks?limit=1&limit[a]=2", "?limit[a]"),
        ("/v1/tasks?cursor=here", "?cursor"),
        ("/v1/tasks?status=lost", "?status"),
        ("/v1/tasks?model=%00", "?model"),
        ("/v1/tasks?created_after=yesterday", "?created_after"),
        ("/v1/tasks?created_after=2026-01-01T00:00:00", "?created_after"),
        ("/v1/tasks?colour=red", "?"),
        ("/v1/wallet?colour=red", "?"),
        ("/v1/wallet/entries?cursor=%ff", None),
        ("/v1/wallet/entries?cursor=bnVsbA==", None),
        ("/v1/webhook-deliveries?task_id=1", "?task_id"),
    ],
)
async def test_a_bad_query_is_refused(path: str, pointer: str | None, customer: Api) -> None:
    """A query parameter that is wrong or unknown is refused by its name."""
    status, problem = await refused(customer, "GET", path)

    assert (422, "invalid_request") == (status, problem["code"])
    assert pointer is None or pointer == problem["problems"][0]["pointer"]


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/tasks/", "/v2/tasks", "/v1/account/", "/v1/tasks/a/b/c"]
)
async def test_an_unknown_path_is_a_problem(path: str, customer: Api) -> None:
    """A path that leads nowhere gets 404 as a problem, never a redirect or a page."""
    assert 404 == (await refused(customer, "GET", path))[0]


async def test_a_wrong_method_is_told_the_right_ones(customer: Api) -> None:
    """A known path with another method gets 405 and every method that it does answer."""
    status, headers, problem = await customer.call_raw("DELETE", "/v1/tasks")

    check_problem(status, headers, problem)
    assert (405, {"GET", "HEAD", "POST"}) == (status, set(headers["allow"].split(", ")))


async def test_a_key_that_does_not_hold_opens_nothing(operator: Api) -> None:
    """No key, a wrong one, an expired and a revoked one are told apart in words and get 401."""
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    expired = await new_customer(operator, expires_at=past)
    revoked = await new_customer(operator)
    [key] = (await revoked.get("/v1/keys"))["data"]
    await revoked.call("DELETE", f"/v1/keys/{key['id']}")
    wrong = Api(operator.session, "vmk_" + "x" * 43)
    none = Api(operator.session, None)

    for api, word in (
        (expired, "expired"),
        (revoked, "revoked"),
        (wrong, "not exist"),
        (none, "Send a valid"),
    ):
        status, problem = await refused(api, "POST", "/v1/tasks", GOOD)
        assert (401, "unauthenticated") == (status, problem["code"])
        assert word in problem["detail"]


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer ", "Basic abc", "Bearer \xff", "Bearer " + "k" * 9_000]
)
async def test_a_strange_authorization_is_no_key(authorization: str, operator: Api) -> None:
    """An Authorization header that holds no key gets 401."""
    anonymous = Api(operator.session, None)

    assert 401 == (await refused(anonymous, "GET", "/v1/account", authorization=authorization))[0]


async def test_a_disabled_account_can_do_nothing(operator: Api, customer: Api) -> None:
    """Disabling takes effect with the next request, and so does enabling."""
    path = f"/admin/v1/accounts/{customer.account_id}"
    await operator.call("PATCH", path, {"status": "disabled"})
    status, problem = await refused(customer, "POST", "/v1/tasks", GOOD)
    await operator.call("PATCH", path, {"status": "active"})

    assert (403, "account_disabled") == (status, problem["code"])
    assert 200 == (await customer.call("GET", "/v1/account"))[0]


async def test_a_key_does_only_what_its_scopes_say(operator: Api) -> None:
    """Each operation is refused to a key without its scope, and operators' ones to every customer."""
    powerless = await new_customer(operator, scopes=[])
    document = await operator.get("/openapi.json")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not operation["security"]:
                continue
            status, problem = await refused(powerless, method.upper(), path.replace("{id}", str(uuid4())))
            assert (403, "forbidden") == (status, problem["code"]), path
            [scope] = operation["security"][0]["bearer"]
            assert repr(scope) in problem["detail"]


async def test_a_customer_is_no_operator(operator: Api, customer: Api) -> None:
    """A customer with every scope of a customer gets 403 from every operator's operation."""
    document = await operator.get("/openapi.json")
    for path, methods in document["paths"].items():
        if path.startswith("/admin/"):
            for method in methods:
                there = path.replace("{id}", customer.account_id or "")
                assert 403 == (await refused(customer, method.upper(), there))[0], path


async def test_a_key_uses_only_its_models(operator: Api) -> None:
    """A model outside a key's list is refused, whatever the wallet holds."""
    api = await new_customer(operator, models=["composer"])

    status, problem = await refused(api, "POST", "/v1/tasks", GOOD)

    assert (403, "forbidden") == (status, problem["code"])
    assert 0 == (await api.get("/v1/wallet"))["held"]


async def test_nothing_of_another_account_can_be_seen_or_touched(operator: Api, customer: Api) -> None:
    """Every operation that takes an id answers another account's as if it did not exist."""
    owner = await new_customer(operator)
    task = await owner.echo("mine", latency_s=3600)
    done = await owner.echo("done", prefer="wait=20")
    [key] = (await owner.get("/v1/keys"))["data"]
    upload = await owner.post("/v1/media", b"mine\n")
    endpoint = await owner.post("/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/hooks"})
    delivery = await owner.post(f"/v1/webhook-endpoints/{endpoint['id']}/test", None)
    lent = {"provider": "local", "name": f"lent to {owner.account_id}", "account_id": owner.account_id}
    ids = {
        "/v1/tasks": task["id"],
        "/v1/keys": key["id"],
        "/v1/webhook-endpoints": endpoint["id"],
        "/v1/webhook-deliveries": delivery["id"],
        "/v1/connections": (await operator.post("/admin/v1/connections", lent))["id"],
    }
    document = await operator.get("/openapi.json")
    tried = 0
    for path, methods in document["paths"].items():
        head = path.partition("/{id}")[0]
        if "{id}" not in path or path.startswith(("/admin/", "/v1/media", "/v1/uploads", "/v1/batches")):
            continue
        for method in methods:
            takes = "requestBody" in methods[method]
            body: Any = {"act": "pause"} if path.endswith("/acts") else {} if takes else None
            status, problem = await refused(customer, method.upper(), path.replace("{id}", ids[head]), body)
            assert (404, "not_found") == (status, problem["code"]), path
            tried += 1

    assert 5 <= tried
    for submission, pointer in (
        (cutout(upload["id"]), "/input/image"),
        (good(parent_id=done["id"]), "/parent_id"),
    ):
        status, problem = await refused(customer, "POST", "/v1/tasks", submission)
        assert (422, pointer) == (status, problem["problems"][0]["pointer"])
    assert [] == (await customer.get("/v1/tasks"))["data"]
    assert [] == (await customer.get(f"/v1/webhook-deliveries?task_id={task['id']}"))["data"]
    assert task["status"] in ("pending", "processing")
    assert "processing" == (await owner.get(f"/v1/tasks/{task['id']}"))["status"]
    assert key["id"] == (await owner.get("/v1/keys"))["data"][0]["id"]
    assert 200 == (await owner.call("POST", f"/v1/tasks/{task['id']}/cancel"))[0]


@pytest.mark.parametrize("id_", ["x", "0", "%00", "..", "a" * 5_000, "00000000-0000-0000-0000-00000000000g"])
async def test_a_bad_id_is_nothing(id_: str, customer: Api) -> None:
    """An id that cannot exist gets 404."""
    assert 404 == (await refused(customer, "GET", f"/v1/tasks/{id_}"))[0]
    assert 404 == (await refused(customer, "DELETE", f"/v1/keys/{id_}"))[0]


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        (
            "/accounts",
            {"name": " ", "email": "nobody", "x": 1},
            {"/name", "/email", "/"},
        ),
        (
            "/accounts/{id}/grants",
            {"units": 0, "kind": "topup", "scope": "opera", "expires_at": "2020-01-01T00:00:00Z"},
            {"/units", "/scope", "/expires_at"},
        ),
        ("/accounts/{id}/grants", {"units": 2**60, "kind": "topup"}, {"/units"}),
        ("/accounts/{id}/grants", {"units": 1.5, "kind": "gift"}, {"/units", "/kind"}),
        ("/accounts/{id}/grants", {"units": 1, "kind": "pack", "expires_at": "2999-01-01"}, {"/expires_at"}),
        (
            "/accounts/{id}/keys",
            {"name": "", "scopes": ["fly"], "models": ["nobody"], "cap_units": -1},
            {"/name", "/scopes", "/models", "/cap_units"},
        ),
        ("/plans", {"id": "a b", "weight": 0, "priority_best": 10}, {"/id", "/weight", "/priority_best"}),
        ("/plans", {"id": "a", "concurrency_family": {"echo": 0}}, {"/concurrency_family/echo"}),
        ("/accounts/{id}/adjustments", {"units": 1, "reason": "a\0"}, {"/reason"}),
    ],
)
async def test_an_operators_bad_input_is_refused_whole(
    path: str, body: Any, pointers: set[str], operator: Api, customer: Api
) -> None:
    """Operators are told every wrong field too, and nothing is changed."""
    before = await customer.get("/v1/wallet")

    status, problem = await refused(
        operator, "POST", "/admin/v1" + path.replace("{id}", customer.account_id or ""), body
    )

    assert (422, pointers) == (status, {one["pointer"] for one in problem["problems"]})
    assert before == await customer.get("/v1/wallet")


async def test_nothing_broke(module_server: Server, operator: Api) -> None:
    """After all of this the server has logged no broken request, and the ledger is balanced."""
    assert [] == [line for line in module_server.log().splitlines() if "a request broke" in line]
    assert (await operator.get("/admin/v1/ledger/verification"))["balanced"]
