"""A task made by one account is to another as if it did not exist: shown for every operation of a face."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from tests.support.server import Api

from vermilion.http.foreign import Face


@dataclass(frozen=True, slots=True)
class Probe:
    """A request that names a task where it says `{id}`, in the path or in the body."""

    method: str
    path: str
    body: Any = None

    def with_id(self, task_id: object) -> tuple[str, Any]:
        """The path and the body for one task."""
        body = None if self.body is None else json.loads(json.dumps(self.body).replace("{id}", str(task_id)))
        return self.path.replace("{id}", str(task_id)), body


async def assert_hidden(stranger: Api, probe: Probe, task_id: str, **headers: str) -> None:
    """The stranger hears of this task exactly what is said of one that never was."""
    nobody = str(uuid4())
    told = []
    for asked in (task_id, nobody):
        path, body = probe.with_id(asked)
        status, answer = await stranger.call(probe.method, path, body, **headers)
        told.append((status, json.dumps(answer).replace(asked, "{id}").replace(UUID(asked).hex, "{id}")))
    assert told[1] == told[0], probe


def assert_all_probed(face: Face, probes: list[Probe], *, without_tasks: set[tuple[str, str]]) -> None:
    """Every operation is either probed or said to name no task; what is said is still true of the face."""
    operations = {(operation.method, operation.path) for operation in face.operations}
    probed = {
        (method, path)
        for method, path in operations
        for probe in probes
        if probe.method == method and probe.path.split("?")[0] == path
    }
    assert set() == without_tasks - operations
    assert operations == probed | without_tasks
