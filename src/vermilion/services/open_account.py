"""Open accounts, change them, and make sure that there is an operator and a plan to begin with."""

from __future__ import annotations

import secrets
from uuid import UUID

from vermilion.domain.keys import SCOPES, SECRET_BYTES, format_secret, hash_secret, shown_prefix
from vermilion.ids import new_id
from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway
from vermilion.services.renew_quota import renew_quota
from vermilion.services.save_plan import PlanRequest
from vermilion.storage import accounts, audit
from vermilion.storage.accounts import AccountRow, Bearer
from vermilion.storage.endings import promote_staged

OPERATOR_EMAIL = "operator@localhost"
OPERATOR_KEY_LENGTH_SAFE = 24
log = get_logger("open_account")
DEFAULT_PLAN = PlanRequest("standard", "Standard").row


async def open_account(
    gateway: Gateway, actor: Bearer, *, name: str, email: str, plan: str | None
) -> AccountRow:
    """A new customer account, with its first quota if the plan has one. Raises Conflict, NotFound."""
    account_id = new_id()
    row = await accounts.create_account(
        gateway.database, account_id, name=name, email=email, role="customer", plan_id=plan or DEFAULT_PLAN.id
    )
    await audit.note(gateway.database, actor.account.id, "account.create", row.id, name=name, email=email)
    await renew_quota(gateway)
    return row


async def change_account(
    gateway: Gateway, actor: Bearer, account_id: UUID, *, status: str | None, plan: str | None
) -> AccountRow:
    """Disable, enable, or move to another plan; takes effect on every node at once. Raises NotFound."""
    row = await accounts.change_account(gateway.database, account_id, status=status, plan_id=plan)
    await audit.note(
        gateway.database, actor.account.id, "account.change", account_id, status=status, plan=plan
    )
    if plan is not None:
        await renew_quota(gateway)
        await promote_staged(gateway.database, plan)
    return row


async def ensure_operator(gateway: Gateway) -> str | None:
    """Make the default plan and the first operator if they are missing; answers a new key to print once, or None.

    A key given in the settings becomes an operator key, and is never printed.
    """
    if not await accounts.read_plans(gateway.database):
        await accounts.save_plan(gateway.database, DEFAULT_PLAN)
    operator = await accounts.find_account(gateway.database, OPERATOR_EMAIL)
    if operator is None:
        operator = await accounts.create_account(
            gateway.database,
            new_id(),
            name="Operator",
            email=OPERATOR_EMAIL,
            role="operator",
            plan_id=DEFAULT_PLAN.id,
        )
    return await _ensure_operator_key(gateway, operator)


async def _ensure_operator_key(gateway: Gateway, operator: AccountRow) -> str | None:
    given = gateway.settings.operator_key
    if given is not None:
        if len(given.get_secret_value()) < OPERATOR_KEY_LENGTH_SAFE:
            log.warning("the operator's key is short enough to be guessed; use it on this machine only")
        if await accounts.read_bearer(gateway.database, hash_secret(given.get_secret_value())) is None:
            await _add_operator_key(
                gateway, operator, given.get_secret_value(), "from VERMILION_OPERATOR_KEY"
            )
        return None
    if await accounts.read_keys(gateway.database, operator.id):
        return None
    secret = format_secret(secrets.token_bytes(SECRET_BYTES))
    await _add_operator_key(gateway, operator, secret, "first key")
    return secret


async def _add_operator_key(gateway: Gateway, operator: AccountRow, secret: str, name: str) -> None:
    await accounts.create_key(
        gateway.database,
        new_id(),
        operator.id,
        name=name,
        prefix=shown_prefix(secret),
        secret_hash=hash_secret(secret),
        scopes=list(SCOPES),
    )
