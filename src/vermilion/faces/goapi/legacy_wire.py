"""Shapes of the older Midjourney paths: flat requests, and tasks in words of their own."""

from __future__ import annotations

from typing import Any

from vermilion.faces.goapi.inputs import Config, TaskRequest, WebhookConfig
from vermilion.faces.goapi.outputs import shown_output
from vermilion.faces.goapi.wire import error_of, made_of, status_of, task_data, usage_of
from vermilion.services.gateway import Gateway
from vermilion.storage.tasks import TaskRow

MODEL = "midjourney"
#: What is not the input of a task.
ENVELOPE = frozenset({"webhook_endpoint", "webhook_secret", "notify_progress", "service_mode", "priority"})
#: Older names of fields of the input.
RENAMED = {"zoom": "zoom_ratio", "image": "image_url"}
WORDS = {"completed": "finished"}


def task_request(task_type: str, body: dict[str, Any]) -> TaskRequest:
    """The same task for the unified paths."""
    task_input = {name: value for name, value in body.items() if name not in ENVELOPE}
    if task_type != "imagine":
        task_input = {RENAMED.get(name, name): value for name, value in task_input.items()}
    texts = {
        name: body[name] for name in ("webhook_endpoint", "webhook_secret") if isinstance(body.get(name), str)
    }
    hook = WebhookConfig(texts.get("webhook_endpoint"), texts.get("webhook_secret"))
    mode = body.get("service_mode")
    return TaskRequest(MODEL, task_type, task_input, Config(mode if isinstance(mode, str) else None, hook))


def legacy_task(gateway: Gateway, row: TaskRow, origin: str, *, hidden: frozenset[str]) -> dict[str, Any]:
    """A task as `fetch` answers it."""
    unified = task_data(gateway, row, origin)
    offer = gateway.catalogue.offers.get((row.model, row.task_type))
    usage = usage_of(row, offer)
    error = error_of(row)
    seconds = int((row.ended_at - row.started_at).total_seconds()) if row.ended_at and row.started_at else 0
    made = made_of(gateway, row, origin)
    result = shown_output(row, made, hidden=hidden, private=row.service_mode == "private")
    result |= {
        "permanent_url": "",
        "credit": row.charged or 0,
        "error_messages": [error["message"]] if error["message"] else [],
        "message": error["message"] or result["message"],
    }
    return {
        "task_id": row.id,
        "task_type": row.task_type,
        "status": WORDS.get(status_of(row), status_of(row)),
        "process_time": seconds,
        "retry_count": 0,
        "meta": {
            "account_id": row.account_id,
            "task_type": row.task_type,
            "origin_task_id": row.parent_id or "",
            "created_at": int(row.created_at.timestamp()),
            "started_at": int(row.started_at.timestamp()) if row.started_at else 0,
            "ended_at": int(row.ended_at.timestamp()) if row.ended_at else 0,
            "usage": usage,
            "task_param": unified["input"],
            "process_mode": unified["input"].get("process_mode", ""),
        },
        "task_result": result,
    }
