"""Batches and uploads at a terminal."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from tests.cli.conftest import Cli, answer

pytestmark = pytest.mark.slow


def rows(tmp_path: Path, *scripts: dict[str, object]) -> str:
    """A file of echo tasks."""
    path = tmp_path / "rows.jsonl"
    lines = [
        {"custom_id": f"r{n}", "model": "echo", "task_type": "echo", "input": {"prompt": f"p{n}", **script}}
        for n, script in enumerate(scripts)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_a_batch_from_file_to_results(customer_cli: Cli, tmp_path: Path) -> None:
    """Priced, submitted, followed to its end, and its results written line by line."""
    file = rows(tmp_path, {}, {}, {"end": "fail"})

    quote = answer(customer_cli("batch", "submit", file, "--quote", "--json"))
    batch = answer(customer_cli("batch", "submit", file, "--json"))
    ended = answer(customer_cli("batch", "status", batch["id"], "--watch", "--json"))
    shown = customer_cli("batch", "results", batch["id"])
    listed = customer_cli("batch", "list")

    assert {"lines": 3, "units": 30_000} == quote
    assert ("rows", "completed", 2, 1) == (
        batch["name"],
        *(ended[name] for name in ("state", "completed", "failed")),
    )
    results = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [("r0", "completed"), ("r1", "completed"), ("r2", "failed")] == [
        (result["custom_id"], result["state"]) for result in results
    ]
    assert batch["id"] in listed.stdout


def test_a_cancelled_batch_is_exit_code_1(customer_cli: Cli, tmp_path: Path) -> None:
    """A batch that is stopped says so, and its status is a failure."""
    batch = answer(customer_cli("batch", "submit", rows(tmp_path, {"latency_s": 600}), "--json"))

    answer(customer_cli("batch", "cancel", batch["id"], "--json"))
    ended = customer_cli("batch", "status", batch["id"], "--watch")

    assert 1 == ended.returncode
    assert "cancelled" in ended.stdout


def test_wrong_lines_are_listed(customer_cli: Cli, tmp_path: Path) -> None:
    """Each wrong line has its own on stderr."""
    done = customer_cli("batch", "submit", rows(tmp_path, {}, {"latency_s": "soon"}))

    assert 1 == done.returncode
    assert "/lines/2/input/latency_s" in done.stderr


def test_large_files_go_in_parts(customer_cli: Cli, tmp_path: Path) -> None:
    """A file beyond one part arrives whole under its name, and small ones do as ever."""
    side = 1_900
    held = BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(held, "PNG")
    (tmp_path / "large.png").write_bytes(held.getvalue())
    (tmp_path / "note.txt").write_text("words\n")

    large, small = answer(customer_cli("upload", "large.png", "note.txt", "--json"))["data"]

    assert 8_000_000 < len(held.getvalue()) == large["size_bytes"]
    assert ("large.png", "image/png", "note.txt") == (large["name"], large["content_type"], small["name"])
