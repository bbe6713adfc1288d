"""The shapes of accounts, money, keys, uploads and connections, and the mapping of rows onto them."""

from __future__ import annotations

from uuid import UUID

import msgspec

from vermilion.domain.plan_rules import PlanRules, read_rules
from vermilion.faces.native.wire import Time
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import media_path
from vermilion.storage.accounts import AccountRow, KeyRow, PlanRow
from vermilion.storage.assets import AssetRow
from vermilion.storage.ledger import GrantRow, WalletRow


class WalletView(msgspec.Struct, frozen=True):
    """An account's money in units (10,000,000 = 1 USD)."""

    available: int
    held: int
    spent: int
    grants: list[GrantRow]


class KeyView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An API key; `key` is there only in the answer that made it."""

    id: UUID
    account_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    models: list[str] | None
    expires_at: Time | None
    revoked_at: Time | None
    cap_units: int | None
    cap_window: str
    cap_used: int
    created_at: Time
    connection_id: UUID | None = None
    key: str | None = None


class PlanView(msgspec.Struct, frozen=True):
    """What accounts of a plan may do."""

    id: str
    name: str
    concurrency_total: int
    concurrency_family: dict[str, int]
    weight: int
    requests_per_minute: int
    upload_bytes_max: int
    retention_days: int
    priority_best: int
    quota_units: int
    quota_period: str
    media_bytes_max: int | None
    error_tasks_max: int | None
    error_penalty: str
    rules: PlanRules


class AccountView(msgspec.Struct, frozen=True):
    """An account and its plan; `webhook_secret` signs deliveries of tasks that name no secret of their own."""

    id: UUID
    name: str
    email: str
    role: str
    status: str
    plan: PlanView
    webhook_secret: str
    created_at: Time
    service_mode: str  #: whose connections its tasks use unless they say
    failover: list[
        str
    ]  #: families whose private tasks use everyone's connections when there is none of its own


class UploadView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored upload; its id can stand wherever a task's input takes a file."""

    id: UUID
    url: str
    content_type: str
    size_bytes: int
    expires_at: Time
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    name: str | None = None
    kind: str | None = None
    task_id: UUID | None = None
    thumbnail_url: str | None = None


def wallet_view(row: WalletRow) -> WalletView:
    """A wallet with its grants in burn order."""
    return WalletView(row.available, row.held, row.spent, row.grants)


def key_view(row: KeyRow, secret: str | None = None) -> KeyView:
    """A key, with its secret in the answer that made it."""
    return KeyView(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        prefix=row.prefix,
        scopes=row.scopes,
        models=row.models,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        cap_units=row.cap_units,
        cap_window=row.cap_window,
        cap_used=row.cap_used,
        created_at=row.created_at,
        connection_id=row.connection_id,
        key=secret,
    )


def plan_view(row: PlanRow) -> PlanView:
    """A plan."""
    families = msgspec.json.decode(row.concurrency_family, type=dict[str, int])
    return msgspec.convert(
        {**msgspec.structs.asdict(row), "concurrency_family": families, "rules": read_rules(row.rules)},
        PlanView,
    )


def account_view(row: AccountRow, plan: PlanRow, secret: str) -> AccountView:
    """An account with its plan."""
    return AccountView(
        id=row.id,
        name=row.name,
        email=row.email,
        role=row.role,
        status=row.status,
        plan=plan_view(plan),
        webhook_secret=secret,
        created_at=row.created_at,
        service_mode=row.service_mode,
        failover=row.failover,
    )


def upload_view(gateway: Gateway, row: AssetRow, origin: str) -> UploadView:
    """An upload with a link to it."""
    link = origin + media_path(gateway, row.id, row.expires_at)
    return UploadView(
        id=row.id,
        url=link,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        expires_at=row.expires_at,
        width=row.width,
        height=row.height,
        duration_s=row.duration_s,
        name=row.name,
        kind=row.kind,
        task_id=row.task_id,
        thumbnail_url=link.replace("?", "/thumbnail?", 1) if row.thumb_sha256 else None,
    )
