"""One task, seen and told through every face: they tell the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.faces.midjourney_cast import cast
from tests.support.patience import PATIENCE_S
from tests.support.receivers import Receiver, answers
from tests.support.server import Api

pytestmark = pytest.mark.slow
WAIT_S = PATIENCE_S


async def heard(receiver: Receiver, path: str, so: Callable[[Any], bool]) -> list[Any]:
    """Everything that was told at a path, as soon as the last of it is so."""
    async with asyncio.timeout(WAIT_S):
        while True:
            told = [msgspec.json.decode(request.body) for request in receiver.heard if request.path == path]
            if told and so(told[-1]):
                return told
            await asyncio.sleep(0.05)


def without_links(value: Any) -> Any:
    """The value with every link cut before its signature, which changes by the hour."""
    if isinstance(value, dict):
        return {name: without_links(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_links(inner) for inner in value]
    return value.partition("?")[0] if isinstance(value, str) else value


async def test_every_face_tells_the_same_of_a_task(operator: Api) -> None:
    """Id, state, progress, prompt, pictures, parent, buttons and failure agree, whoever made the task."""
    known = await cast(operator)
    api = Api(operator.session, known["key"])
    made = await api.post("/api/v1/nova/imagine", {"prompt": "a red fox --ar 3:2 --relax"})
    grid = await api.ended(made["messageId"], timeout_s=WAIT_S)
    pressed = await api.post("/mj/submit/change", {"taskId": grid["id"], "action": "UPSCALE", "index": 2})
    one = await api.ended(pressed["result"], timeout_s=WAIT_S)

    for task in (grid, one):
        id_ = task["id"]
        links = [asset["url"].partition("?")[0] for asset in task["output"]["assets"]]
        message, fetched, proxied, unified = [
            without_links(await api.get(path.format(id_)))
            for path in (
                "/api/v1/message/fetch/{}",
                "/api/v1/fetch/{}",
                "/mj/task/{}/fetch",
                "/api/v1/task/{}",
            )
        ]
        goapi = unified["data"]
        assert [id_] * 4 == [message["messageId"], fetched["task_id"], proxied["id"], goapi["task_id"]]
        assert ["DONE", "completed", "SUCCESS", "completed"] == [
            message["status"],
            fetched["status"],
            proxied["status"],
            goapi["status"],
        ]
        assert [100, 100, "100%"] == [message["progress"], fetched["progress"], proxied["progress"]]
        assert {"a red fox --ar 3:2 --relax"} == {message["prompt"], fetched["prompt"], proxied["prompt"]}
        assert {links[0]} == {message["uri"], fetched["image_url"], proxied["imageUrl"]}
        assert links[0] in msgspec.json.encode(goapi["output"]).decode()
        labels = message["buttons"]
        assert labels == [component["label"] for component in fetched["components"]]
        assert labels == [button["label"] or button["emoji"] for button in proxied["buttons"]]
        ids = [component["custom_id"] for component in fetched["components"]]
        assert ids == [button["customId"] for button in proxied["buttons"]]
        assert len(labels) == len(goapi["output"]["actions"])
        assert task["usage"]["charged"] == goapi["meta"]["usage"]["consume"]
    assert one["parent_id"] == message["originatingMessageId"] == grid["id"]
    assert links == [proxied["imageUrl"]]


async def test_webhooks_tell_what_polling_tells(operator: Api) -> None:
    """Each face tells the object that it lets poll; midjourney-proxy tells every change."""
    known = await cast(operator)
    api = Api(operator.session, known["key"])
    async with Receiver(answers()).listening() as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        made = await api.post(
            "/api/v1/nova/imagine", {"prompt": "a fox", "ref": "7", "webhookOverride": f"{url}/ip"}
        )
        linked = await api.post("/api/v1/imagine", {"prompt": "a boat", "webhook_url": f"{url}/linkr"})
        proxied = await api.post(
            "/mj/submit/imagine", {"prompt": "a hill", "notifyHook": f"{url}/mj", "state": "s"}
        )
        [message] = await heard(receiver, "/ip", lambda told: told["status"] == "DONE")
        [fetched] = await heard(receiver, "/linkr", lambda told: told["status"] == "completed")
        tasks = await heard(receiver, "/mj", lambda told: told["status"] == "SUCCESS")

    asked = [
        await api.get(f"/api/v1/message/fetch/{made['messageId']}"),
        await api.get(f"/api/v1/fetch/{linked['task_id']}"),
        await api.get(f"/mj/task/{proxied['result']}/fetch"),
    ]
    assert [_pathless(told) for told in asked] == [_pathless(told) for told in (message, fetched, tasks[-1])]
    assert "IN_PROGRESS" in {task["status"] for task in tasks[:-1]}
    assert {"s"} == {task["state"] for task in tasks}


def _pathless(value: Any) -> Any:
    """The value with links cut down to their paths: the gateway names itself otherwise to those it calls."""
    if isinstance(value, dict):
        return {name: _pathless(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_pathless(inner) for inner in value]
    return (
        "/v1/media/" + value.partition("/v1/media/")[2].partition("?")[0]
        if "/v1/media/" in str(value)
        else value
    )
