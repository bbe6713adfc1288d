"""A task's states and the words for them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """`staged → pending → processing → completed | failed | cancelled`."""

    STAGED = "staged"  #: paid for; waits for one of the account's own places
    PENDING = "pending"  #: may run as soon as a connection is free
    PROCESSING = "processing"  #: handed to a connection
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = frozenset({Status.STAGED, Status.PENDING, Status.PROCESSING})
ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
RUNNING = frozenset({Status.PENDING, Status.PROCESSING})  #: states that occupy one of the account's places


class Submission(StrEnum):
    """What is known of the one submit to the upstream."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


class TaskError(msgspec.Struct, frozen=True):
    """Why a task failed: a stable code, words for a person, and whose turn it is to change something."""

    code: str
    message: str
    fault: str


PRIORITY_DEFAULT = 5
PRIORITY_LAST = 9
