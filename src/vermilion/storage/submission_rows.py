"""What the acceptance of a task writes, as a row for the one statement that accepts a batch."""

from __future__ import annotations

from typing import Any

from vermilion.domain.admission import Admission
from vermilion.domain.submission import NewTask
from vermilion.storage.json_rows import raw_json


def task_record(task: NewTask, admission: Admission) -> dict[str, Any]:
    """The task with its price held and its place in the queue."""
    return {
        "id": task.id,
        "account_id": task.account_id,
        "key_id": task.key_id,
        "parent_id": task.parent_id,
        "model": task.model,
        "task_type": task.task_type,
        "family": task.family,
        "queue": task.queue,
        "status": admission.status,
        "priority": task.priority,
        "rank": admission.rank,
        "input": raw_json(task.input),
        "metadata": raw_json(task.metadata),
        "webhook": raw_json(task.webhook),
        "wire": raw_json(task.wire),
        "service_mode": task.service_mode,
        "price": raw_json(task.price),
        "held": task.units,
        "deadline_s": task.deadline_s,
        "grant_ids": [part.grant_id for part in admission.allocations],
        "grant_units": [part.units for part in admission.allocations],
    }
