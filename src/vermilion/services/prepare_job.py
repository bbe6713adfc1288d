"""Make a claimed task into a job for its adapter: decoded input, files on disk, the connection's secret opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.catalogue import Offer
from vermilion.egress.errors import EgressError
from vermilion.errors import ServiceUnavailable, UnsafeMedia, VermilionError
from vermilion.providers.protocol import ConnectionFacts, Job
from vermilion.services.gateway import Gateway
from vermilion.services.store_media import keep
from vermilion.storage import assets
from vermilion.storage.flights import Claimed
from vermilion.storage.media_terms import read_media_terms
from vermilion.storage.tasks import read_parent


class InputUnusable(Exception):
    """A file that the input names cannot be had, or not be used; the customer has to change it."""

    def __init__(self, reason: str, code: str = "input_unusable") -> None:
        super().__init__(reason)
        self.code = code


def has_files(gateway: Gateway, task: Claimed, *, with_parent_files: bool) -> bool:
    """Whether its job may have files."""
    offer = gateway.catalogue.offers.get((task.model, task.task_type))
    of_parent = with_parent_files and task.parent_id is not None
    return offer is not None and (bool(offer.media_fields) or of_parent)


async def prepare_job(
    gateway: Gateway,
    task: Claimed,
    connection: ConnectionFacts,
    folder: Path | None,
    *,
    with_parent_files: bool,
) -> Job:
    """The job, with its files in `folder`; without a folder no files are fetched. Raises InputUnusable,
    and ServiceUnavailable if they may be had a little later.
    """
    parent = await read_parent(gateway.database, task.parent_id) if task.parent_id else None
    task_input: dict[str, Any] = msgspec.json.decode(task.input)
    offer = gateway.catalogue.offers.get((task.model, task.task_type))
    files: dict[str, Path] = {}
    if folder is not None and offer is not None:
        files = await _fetch_files(gateway, task, offer, task_input, folder)
        if parent and with_parent_files:
            files |= await _fetch_parent_files(gateway, task, parent["output"], folder)
    return Job(
        task_id=task.id,
        model=task.model,
        task_type=task.task_type,
        input=task_input,
        connection=connection,
        deadline_at=task.deadline_at,
        files=files,
        parent_facts=msgspec.json.decode(parent["provider_facts"])
        if parent and parent["provider_facts"]
        else {},
    )


async def _fetch_files(
    gateway: Gateway, task: Claimed, offer: Offer, task_input: dict[str, Any], folder: Path
) -> dict[str, Path]:
    files = {}
    for name, value in offer.media(task_input):
        files[name] = _target(folder, name)
        await _fetch_file(gateway, task, name, value, files[name])
    return files


async def _fetch_parent_files(
    gateway: Gateway, task: Claimed, output: str | None, folder: Path
) -> dict[str, Path]:
    """What the parent made, as `parent/0`, `parent/1`…; files whose time is over are left out."""
    ids = [UUID(asset["id"]) for asset in msgspec.json.decode(output or "{}").get("assets", ())]
    files = {}
    for number, asset in enumerate(await assets.read_many(gateway.database, ids)):
        if asset is not None and asset.account_id == task.account_id:
            name = f"parent/{number}"
            files[name] = _target(folder, name)
            await gateway.blobs.fetch_to(task.account_id, asset.sha256, files[name])
    return files


def _target(folder: Path, name: str) -> Path:
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    return target


async def _fetch_once(gateway: Gateway, task: Claimed, name: str, url: str, target: Path) -> None:
    """The file behind a URL. It is kept, so that another attempt sees the same and its host is asked once."""
    kept = await assets.read_input(gateway.database, task.id, name)
    if kept is not None:
        await gateway.blobs.fetch_to(task.account_id, kept.sha256, target)
        return
    terms = await read_media_terms(gateway.database, task.account_id)
    await gateway.egress.fetch(url, size_bytes_max=terms.upload_bytes_max, target=target)
    stored = await keep(gateway, task.account_id, target, task=task, field=name)
    await assets.add_upload(gateway.database, task.account_id, stored, task_id=task.id, field=name)


async def _fetch_file(gateway: Gateway, task: Claimed, name: str, value: str, target: Path) -> None:
    try:
        if value.startswith(("http://", "https://")):
            await _fetch_once(gateway, task, name, value, target)
            return
        [asset] = await assets.read_many(gateway.database, [UUID(value)])
        if asset is None or asset.account_id != task.account_id:
            raise InputUnusable(f"{name}: the upload is not stored here any more")
        await gateway.blobs.fetch_to(task.account_id, asset.sha256, target)
    except ServiceUnavailable:
        raise  # ours, and it passes: nothing is wrong with the input
    except UnsafeMedia as unsafe:
        raise InputUnusable(f"{name}: {unsafe}", unsafe.code) from unsafe
    except (EgressError, VermilionError) as failed:
        raise InputUnusable(f"{name}: {failed}") from failed
