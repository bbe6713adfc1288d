"""Bytes are deleted when nothing needs them, and never while somebody is about to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.patience import PATIENCE_S

from vermilion.domain.ending import NewAsset
from vermilion.errors import StorageFull
from vermilion.services.release_bytes import release_bytes
from vermilion.storage import assets, blob_claims
from vermilion.storage.blobs import Blobs, BlobsUnavailable, StoredBlob, open_blobs
from vermilion.storage.database import Database

ACCOUNT = uuid4()


@pytest.fixture
def gateway(database: Database, tmp_path: Path) -> Any:
    return SimpleNamespace(database=database, blobs=open_blobs("", data_dir=tmp_path))


async def stored(gateway: Any, content: bytes, asset_id: UUID, **more: Any) -> StoredBlob:
    """Bytes that are claimed and stored, without an asset yet."""
    blobs: Blobs = gateway.blobs
    blob = await blobs.put_bytes(uuid4(), content)  # its hash
    await blob_claims.claim(gateway.database, ACCOUNT, asset_id, [blob], bytes_max=None, **more)
    await blobs.put_bytes(ACCOUNT, content)
    return blob


def asset(id_: UUID, blob: StoredBlob) -> NewAsset:
    soon = datetime.now(UTC) + timedelta(days=1)
    return NewAsset(id_, blob.sha256, None, "text/plain", blob.size_bytes, None, None, None, soon)


async def test_bytes_of_work_that_died_are_swept(gateway: Any) -> None:
    """A claim that ran out without an asset leaves nothing behind; a live one protects its bytes."""
    dead = await stored(gateway, b"dead", uuid4(), life_s=0)
    live = await stored(gateway, b"live", uuid4())

    assert 1 == await release_bytes(gateway)
    assert (False, True) == (
        await gateway.blobs.exists(ACCOUNT, dead.sha256),
        await gateway.blobs.exists(ACCOUNT, live.sha256),
    )
    assert 0 == await release_bytes(gateway)


async def test_a_claim_that_ran_out_harms_no_asset(gateway: Any) -> None:
    """Bytes that an asset names stay, whatever became of the claim."""
    id_ = uuid4()
    blob = await stored(gateway, b"kept", id_, life_s=0)
    await assets.add_upload(gateway.database, ACCOUNT, asset(id_, blob))

    assert 0 == await release_bytes(gateway)
    assert await gateway.blobs.exists(ACCOUNT, blob.sha256)


async def test_a_deletion_waits_for_whoever_stores_the_same(gateway: Any) -> None:
    """Bytes that somebody claims while their last asset is deleted stay for the one who claims them."""
    first, second = uuid4(), uuid4()
    blob = await stored(gateway, b"same", first)
    await assets.add_upload(gateway.database, ACCOUNT, asset(first, blob))
    await blob_claims.claim(gateway.database, ACCOUNT, second, [blob], bytes_max=None)

    await assets.delete_own(gateway.database, ACCOUNT, asset_ids=[first])
    kept = await release_bytes(gateway)
    await assets.add_upload(gateway.database, ACCOUNT, asset(second, blob))
    await assets.delete_own(gateway.database, ACCOUNT, asset_ids=[second])

    assert (0, 1) == (kept, await release_bytes(gateway))
    assert not await gateway.blobs.exists(ACCOUNT, blob.sha256)


async def test_whoever_stores_waits_for_a_deletion_under_way(gateway: Any) -> None:
    """A claim on bytes that are being deleted comes after the deletion, and the bytes are stored anew."""
    blob = await stored(gateway, b"twice", uuid4(), life_s=0)

    async def store_again() -> None:
        await blob_claims.claim(gateway.database, ACCOUNT, uuid4(), [blob], bytes_max=None)
        await gateway.blobs.put_bytes(ACCOUNT, b"twice")

    async with blob_claims.releasing(gateway.database, ACCOUNT, blob.sha256) as free:
        again = asyncio.create_task(store_again())
        await until_waiting(gateway.database)
        await gateway.blobs.delete(ACCOUNT, blob.sha256)
    await again

    assert free
    assert await gateway.blobs.exists(ACCOUNT, blob.sha256)


async def test_a_store_that_is_away_keeps_bytes_due(gateway: Any) -> None:
    """If deleting fails, the bytes are still due afterwards."""
    blob = await stored(gateway, b"stuck", uuid4(), life_s=0)
    failing = SimpleNamespace(database=gateway.database, blobs=SimpleNamespace(delete=_away))

    with pytest.raises(BlobsUnavailable):
        await release_bytes(failing)  # type: ignore[arg-type]

    assert [(ACCOUNT, blob.sha256)] == await blob_claims.due(gateway.database, 10)
    assert 1 == await release_bytes(gateway)


async def test_the_limit_holds_for_claims_at_once(gateway: Any) -> None:
    """Many claims at the same moment never exceed the account's limit together."""
    blobs = [StoredBlob(bytes([number]) * 32, 10) for number in range(20)]

    results = await asyncio.gather(
        *(blob_claims.claim(gateway.database, ACCOUNT, uuid4(), [blob], bytes_max=50) for blob in blobs),
        return_exceptions=True,
    )

    assert 5 == sum(result is None for result in results)
    assert 15 == sum(isinstance(result, StorageFull) for result in results)
    assert 50 == await blob_claims.stored_bytes(gateway.database, ACCOUNT)


async def _away(*_: object) -> None:
    raise BlobsUnavailable


async def until_waiting(database: Database) -> None:
    """Until some statement waits for a lock."""
    async with asyncio.timeout(PATIENCE_S):
        while not await database.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ):
            await asyncio.sleep(0.01)
