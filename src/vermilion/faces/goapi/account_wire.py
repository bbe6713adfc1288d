"""An account as the service shows it: every field of its sample, filled from what is stored here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from vermilion.domain.money import UNITS_PER_USD
from vermilion.faces.goapi.wire import time_of
from vermilion.storage.accounts import Bearer
from vermilion.storage.connections import ConnectionRow
from vermilion.storage.grant_uses import GrantUse

#: The wallet's families and the catalogue's: money that may be spent on one family alone.
FAMILY_WALLETS: Mapping[str, str] = {
    "midjourney": "mj",
    "stable-diffusion": "sd",
    "gpts": "gpts",
    "suno": "suno",
    "luma": "luma",
    "llm": "llm",
}
CONCURRENCIES: Mapping[str, str] = {"suno": "suno", "luma": "luma", "kling": "kling", "flux": "flux"}
#: Families with pools of their own, and their word in `private_…pool_size`; Midjourney's has none.
POOLS: Mapping[str, str] = {
    "midjourney": "",
    "gpts": "chat_gpt_",
    "suno": "suno_",
    "luma": "luma_",
    "kling": "kling_",
}
POOL_FLAGS = ("chat_gpt_", "suno_", "luma_", "kling_")
NUMBER_BITS = 53  #: ids as numbers that every JSON reader keeps exact
SHARED_GROUP, OWN_GROUP = 1, 2


class AccountFacts(msgspec.Struct, frozen=True):
    """Everything that an account's page is made of."""

    bearer: Bearer
    uses: list[GrantUse]
    moved_at: datetime | None
    own: list[ConnectionRow]
    hook_url: str
    is_verified: bool
    now: datetime
    providers_of: Callable[[str], frozenset[str]]  #: those that do a family


def account_data(facts: AccountFacts) -> dict[str, Any]:
    """The `data` of account info."""
    account, plan, key = facts.bearer.account, facts.bearer.plan, facts.bearer.key
    sizes = {word: _pool_size(facts, family) for family, word in POOLS.items()}
    limits: dict[str, int] = msgspec.json.decode(plan.concurrency_family)
    available = sum(use.remaining for use in facts.uses if _is_open(use, facts.now))
    return {
        "id": number_of(account.id),
        "account_id": account.id,
        "account_name": account.name,
        "created_at": time_of(account.created_at),
        "updated_at": time_of(account.updated_at),
        "deleted_at": None,
        "name": account.name,
        "is_enable": account.status == "active",
        "platform": "",
        "account_group": "user" if account.role == "customer" else "admin",
        "plan": plan.id,
        "type": "ppu" if account.service_mode == "public" else "byoa",
        **{f"is_using_private_{word}pool": sizes[word] > 0 for word in POOL_FLAGS},
        "api_key": f"{key.prefix}…",
        **{f"private_{word}pool_size": size for word, size in sizes.items()},
        "max_concurrent_task_count": plan.concurrency_total,
        **{
            f"max_{word}_concurrency": min(limits.get(family, plan.concurrency_total), plan.concurrency_total)
            for family, word in CONCURRENCIES.items()
        },
        "is_verified": facts.is_verified,
        "wallet": _wallet(facts),
        "account_tags": [],
        "account_mj_bot_group_relations": _groups(facts, "mj_bot_group_id", own=sizes[""] > 0),
        "account_mj_worker_node_group_relations": [
            {name: value for name, value in group.items() if name not in ("is_current_group", "type")}
            for group in _groups(facts, "mj_worker_node_group_id", own=False)
        ],
        "notification_hook_url": facts.hook_url,
        "auto_challenge_mj_verification": False,
        "mj_failover_enabled": "midjourney" in account.failover,
        "luma_failover_enabled": "luma" in account.failover,
        "skip_suno_flagged_account": False,
        "credit_pack_info": _packs(facts),
        "equivalent_in_usd": usd(available),
        "remaining_credits": available,
        "quota_used": sum(use.spent for use in facts.uses),
    }


def number_of(id_: UUID) -> int:
    """An id of ours as a number: the service's ids are numbers."""
    return int(id_.int % 2**NUMBER_BITS)


def usd(units: int) -> msgspec.Raw:
    """Units in dollars as a JSON number, exactly."""
    whole, rest = divmod(units, UNITS_PER_USD)
    return msgspec.Raw(f"{whole}.{rest:07d}".encode())


def _wallet(facts: AccountFacts) -> dict[str, Any]:
    """Money by what it may be spent on: `credit` was bought, `point` came with the plan, the rest is for a family."""
    account = facts.bearer.account
    amounts: dict[str, Any] = {}
    for word in ("credit", "point", *FAMILY_WALLETS.values()):
        uses = [use for use in facts.uses if _wallet_of(use) == word]
        amounts[f"{word}_remain"] = sum(use.remaining for use in uses if _is_open(use, facts.now))
        amounts[f"{word}_frozen"] = sum(use.held for use in uses)
        amounts[f"{word}_used"] = sum(use.spent for use in uses)
    return {
        "id": number_of(account.id),
        "created_at": time_of(account.created_at),
        "updated_at": time_of(facts.moved_at or account.created_at),
        "deleted_at": None,
        "account_id": number_of(account.id),
        "legacy_credit_updated": True,
        "credit_packs": None,
        **amounts,
        "auto_recharge_enabled": False,
        "auto_recharge_platform": "",
        "auto_recharge_threshold_credit": 0,
        "auto_recharge_target_credit": 0,
        "last_auto_recharge_triggered_at": 0,
    }


def _wallet_of(use: GrantUse) -> str:
    if use.scope is not None:
        return FAMILY_WALLETS.get(use.scope, "point")
    return "point" if use.kind == "quota" else "credit"


def _packs(facts: AccountFacts) -> dict[str, Any]:
    packs = [use for use in facts.uses if use.kind == "pack"]
    return {
        "credit_packs_count": len(packs),
        "total_credits": sum(pack.units for pack in packs),
        "frozen_credits": sum(pack.held for pack in packs),
        "used_credits": sum(pack.spent for pack in packs),
        "expired_credits": sum(pack.expired + _lapsed(pack, facts.now) for pack in packs),
        "inactive_credits": sum(pack.taken_back for pack in packs),
        "available_credits": sum(pack.remaining for pack in packs if _is_open(pack, facts.now)),
        "credit_packs": [
            {
                "id": pack.id,
                "total_credits": pack.units,
                "available_credits": pack.remaining if _is_open(pack, facts.now) else 0,
                "frozen_credits": pack.held,
                "used_credits": pack.spent,
                "expired_credits": pack.expired + _lapsed(pack, facts.now),
                "created_at": time_of(pack.created_at),
                "expires_at": time_of(pack.expires_at),
            }
            for pack in packs
        ],
    }


def _is_open(use: GrantUse, now: datetime) -> bool:
    return use.expires_at is None or use.expires_at > now


def _lapsed(use: GrantUse, now: datetime) -> int:
    """What has expired and is not yet booked so."""
    return 0 if _is_open(use, now) else use.remaining


def _pool_size(facts: AccountFacts, family: str) -> int:
    """How many connections of its own the account has for a family."""
    providers = facts.providers_of(family)
    return sum(connection.provider in providers for connection in facts.own)


def _groups(facts: AccountFacts, name: str, *, own: bool) -> list[dict[str, Any]]:
    """The pools that an account's Midjourney tasks can run in: everyone's, and its own if there is one."""
    account = facts.bearer.account
    private = account.service_mode == "private"
    pools: Iterable[tuple[int, bool, str]] = [(SHARED_GROUP, not (own and private), "member")]
    pools = [*pools, (OWN_GROUP, private, "owner")] if own else pools
    return [
        {
            "id": number_of(account.id) ^ group,
            "created_at": time_of(account.created_at),
            "updated_at": time_of(account.updated_at),
            "deleted_at": None,
            "account_id": number_of(account.id),
            name: group,
            "is_current_group": current,
            "type": kind,
        }
        for group, current, kind in pools
    ]


def now() -> datetime:
    """The time that balances are judged at."""
    return datetime.now(UTC)
