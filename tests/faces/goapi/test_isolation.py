"""A task made by one account is invisible to another through every operation of GoAPI's contract."""

from __future__ import annotations

import pytest
from tests.faces.isolation import Probe, assert_all_probed, assert_hidden
from tests.support.server import Api, new_customer

from vermilion.faces.goapi.routes import FACE

pytestmark = pytest.mark.slow


def follow_up(task_type: str, **task_input: object) -> Probe:
    """A follow-up of somebody's picture, by the older path."""
    return Probe("POST", f"/mj/v2/{task_type}", {"origin_task_id": "{id}", **task_input})


PROBES = [
    Probe("GET", "/api/v1/task/{id}"),
    Probe("DELETE", "/api/v1/task/{id}"),
    Probe(
        "POST",
        "/api/v1/task",
        {"model": "midjourney", "task_type": "upscale", "input": {"origin_task_id": "{id}", "index": "1"}},
    ),
    follow_up("upscale", index="1"),
    follow_up("variation", index="1", prompt="a fox"),
    follow_up("reroll"),
    follow_up("seed"),
    follow_up("inpaint", prompt="a fox", mask="https://example.com/mask.png"),
    follow_up("outpaint", zoom_ratio="2"),
    follow_up("pan", direction="left"),
    Probe("POST", "/mj/v2/fetch", {"task_id": "{id}"}),
    Probe("POST", "/mj/v2/fetch-many", {"task_ids": ["{id}"]}),
    Probe("POST", "/mj/v2/cancel", {"task_id": "{id}"}),
]
WITHOUT_TASKS = {
    ("DELETE", "/api/v1/tasks"),
    ("GET", "/account/active_tasks"),
    ("GET", "/account/info"),
    ("GET", "/api/open/tasks/histories"),
    ("POST", "/api/ephemeral_resource"),
    ("POST", "/mj/v2/blend"),
    ("POST", "/mj/v2/describe"),
    ("POST", "/mj/v2/imagine"),
    ("POST", "/mj/v2/validation"),
    *(
        (operation.method, operation.path)
        for operation in FACE.operations
        if operation.path.startswith(("/api/chatgpt/", "/v1/"))
    ),
}


def test_every_operation_is_probed() -> None:
    """An operation that is added has to be probed, or said to name no task."""
    assert_all_probed(FACE, PROBES, without_tasks=WITHOUT_TASKS)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.method} {probe.path}")
async def test_hidden(operator: Api, probe: Probe) -> None:
    """A stranger hears the same of somebody's grid as of a task that never was."""
    owner, stranger = await new_customer(operator), await new_customer(operator)
    body = {"model": "midjourney", "task_type": "imagine", "input": {"prompt": "a fox"}}
    task_id = (await owner.post("/api/v1/task", body))["data"]["task_id"]
    await assert_hidden(stranger, probe, task_id)


async def test_lists_and_many(operator: Api) -> None:
    """Lists show a stranger nothing, and a cancel of all cancels only one's own."""
    owner = await new_customer(operator, plan={"concurrency_total": 1})
    stranger = await new_customer(operator)
    body = {"model": "echo", "task_type": "echo", "input": {"prompt": "hello", "latency_s": 20}}
    ids = [(await owner.post("/api/v1/task", body))["data"]["task_id"] for _ in range(2)]
    assert {} == (await stranger.get("/account/active_tasks"))["data"]
    assert 0 == (await stranger.get("/api/open/tasks/histories"))["data"]["total"]
    every = "/api/v1/tasks?created_before=4102444800&model=all"
    assert (200, 0) == _canceled(await stranger.call("DELETE", every))
    assert 2 == (await owner.get("/api/open/tasks/histories"))["data"]["total"]
    assert "staged" == (await owner.get(f"/api/v1/task/{ids[1]}"))["data"]["status"]
    assert (200, 1) == _canceled(await owner.call("DELETE", every))


def _canceled(answer: tuple[int, dict[str, dict[str, int]]]) -> tuple[int, int]:
    return answer[0], answer[1]["data"]["canceled"]
