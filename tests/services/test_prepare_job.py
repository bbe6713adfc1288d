"""What a claimed task needs before its adapter gets it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from vermilion.catalog import load_catalogue
from vermilion.services.prepare_job import has_files

GATEWAY: Any = SimpleNamespace(catalogue=load_catalogue(echo=True))
PARENT = uuid4()


def claimed(model: str, task_type: str, parent_id: UUID | None = None) -> Any:
    """As much of a claimed task as this needs."""
    return SimpleNamespace(model=model, task_type=task_type, parent_id=parent_id)


@pytest.mark.parametrize(
    ("task", "reads_parents", "expected"),
    [
        (claimed("echo", "echo"), True, False),
        (claimed("cutout", "remove-background"), False, True),
        (claimed("echo", "echo", PARENT), True, True),
        (claimed("echo", "echo", PARENT), False, False),
        (claimed("gone", "since"), True, False),
    ],
)
def test_only_tasks_with_files_get_a_folder(task: Any, reads_parents: bool, expected: bool) -> None:
    """Files are what the offer's input names, and what the parent made if the provider wants to see it."""
    assert expected == has_files(GATEWAY, task, with_parent_files=reads_parents)
