"""What the end of a task writes, as rows for the one statement that ends a batch."""

from __future__ import annotations

from typing import Any

import msgspec

from vermilion.domain.ending import Ending, NewAsset
from vermilion.domain.grants import Settlement
from vermilion.domain.settlement import Held
from vermilion.storage.json_rows import raw_json


def end_row(ending: Ending, task: Held, settlement: Settlement) -> dict[str, Any]:
    """How the task ends."""
    return {
        "id": task.task_id,
        "status": ending.status,
        "output": raw_json(ending.output),
        "error": raw_json(ending.error),
        "charged": settlement.captured,
        "provider_facts": raw_json(ending.provider_facts),
    }


def entry_rows(task: Held, settlement: Settlement) -> list[dict[str, Any]]:
    """The postings that resolve the hold."""
    return [
        {
            "ref_id": task.task_id,
            "kind": kind,
            "seq": seq,
            "account_id": task.account_id,
            "source": "held",
            "target": target,
            "grant_id": part.grant_id,
            "units": part.units,
        }
        for kind, target, parts in (
            ("capture", "revenue", settlement.captures),
            ("release", "grant", settlement.releases),
        )
        for seq, part in enumerate(parts)
    ]


def asset_row(task: Held, asset: NewAsset) -> dict[str, Any]:
    """A file that the task made."""
    return {
        **msgspec.structs.asdict(asset),
        "account_id": task.account_id,
        "task_id": task.task_id,
        "sha256": _bytea(asset.sha256),
        "thumb_sha256": _bytea(asset.thumb_sha256),
    }


def _bytea(content: bytes | None) -> str | None:
    return None if content is None else f"\\x{content.hex()}"
