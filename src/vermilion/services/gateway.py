"""The parts that services work with, built once by bootstrap and handed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from vermilion.domain.catalogue import Catalogue
from vermilion.domain.ending import Ending
from vermilion.domain.submission import Accepted, NewTask
from vermilion.egress.client import GuardedClient
from vermilion.services.key_cache import KeyCache
from vermilion.services.offer_book import OfferBook
from vermilion.services.served_queues import ServedQueues
from vermilion.services.watchers import Watchers
from vermilion.services.word_lists import WordLists
from vermilion.settings import Settings
from vermilion.storage.batching import Batcher
from vermilion.storage.blobs import Blobs
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.database import Database
from vermilion.storage.deliveries import Attempt
from vermilion.storage.flights import ProgressNote, SubmissionNote
from vermilion.storage.hand_backs import HandBackNote
from vermilion.storage.tasks import TaskRow


class Inspected(Protocol):
    """What an inspection found: `facts` (content_type, width, height, duration_s) and maybe a thumbnail file."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the file is."""
        ...

    @property
    def thumbnail(self) -> Path | None:
        """A small picture of it."""
        ...


class Inspector(Protocol):
    """Looks at untrusted files in a worker process.

    Raises UnsupportedMedia with the reason for a file that is not accepted.
    """

    async def __call__(self, path: Path) -> Inspected:
        """Sniff and decode the file."""
        ...

    async def score(self, picture: Path) -> float:
        """How likely a picture is not safe for work, from 0 to 1. Raises ServiceUnavailable."""
        ...

    async def require_guard(self) -> None:
        """Raises EnginePackMissing, saying what to do, where pictures cannot be scored."""
        ...


@dataclass(frozen=True, slots=True)
class Gateway:
    """One running gateway: its settings, stores, coalescing writers and caches."""

    settings: Settings
    node_id: UUID
    database: Database
    offer_book: OfferBook
    served: ServedQueues
    blobs: Blobs
    egress: GuardedClient
    webhook_egress: GuardedClient
    inspect: Inspector
    watchers: Watchers
    keys: KeyCache
    words: WordLists
    signing_key: bytes
    submissions: Batcher[NewTask, Accepted]
    reads: Batcher[UUID, TaskRow | None]
    connection_reads: Batcher[UUID, ConnectionRow | None]
    endings: Batcher[Ending, bool]
    submission_notes: Batcher[SubmissionNote, bool]
    progress_notes: Batcher[ProgressNote, bool]
    hand_backs: Batcher[HandBackNote, bool]
    attempts: Batcher[Attempt, bool]

    @property
    def catalogue(self) -> Catalogue:
        """Every offer as it holds now; an operation takes it once, so that it sees one state."""
        return self.offer_book.current

    @property
    def work_dir(self) -> Path:
        """Where files are while they are worked on."""
        return self.settings.data_dir / "work"
