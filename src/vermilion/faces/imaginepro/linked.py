"""ImaginePro's endpoints for those who link accounts of their own: queues, tokens, traces, words, commands."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from vermilion.domain.moderation.word_filter import Rule
from vermilion.errors import InvalidRequest, NotFound, UpstreamUnreachable
from vermilion.faces.imaginepro import account_wire, wire
from vermilion.faces.imaginepro import asked as asked_for
from vermilion.faces.imaginepro.asked import read_id
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call
from vermilion.services.change_words import add_words
from vermilion.services.describe_connection import Description, describe_connection, queue_counts
from vermilion.services.find_connection import find_by_number
from vermilion.services.find_tasks import get_task
from vermilion.services.link_connection import ConnectionChange, change_connection
from vermilion.services.steer_connection import Act, steer_connection
from vermilion.services.trace_task import connection_of
from vermilion.storage import banned_words, connections
from vermilion.storage.connections import ConnectionRow

MODES = ("fast", "relax", "turbo")


class Words(msgspec.Struct, frozen=True):
    """A whole list of words."""

    words: Annotated[list[str], msgspec.Meta(max_length=5_000)]


class Command(asked_for.Common, frozen=True, rename="camel", kw_only=True):
    """A command of Midjourney's, for one linked account."""

    cmd: str = ""
    token_id: int = 0


async def count_queue(call: Call) -> Answer:
    """Count the jobs of all linked accounts."""
    rows = await _own(call)
    counts = [await queue_counts(call.gateway, row) for row in rows]
    # Private work that any of them may do waits for all of them, and is counted once.
    waiting = max((waiting for waiting, _ in counts), default=0)
    active = sum(active for _, active in counts)
    paused = all(row.state == "paused" for row in rows)
    return json_answer({"waiting": waiting, "active": active, "paused": paused})


async def reboot_queue(call: Call) -> Answer:
    """Give running jobs a fresh start; nothing is dropped."""
    return await _steer_all(call, "reboot")


async def pause_queue(call: Call) -> Answer:
    """Begin nothing more; jobs are still accepted and wait."""
    return await _steer_all(call, "pause")


async def resume_queue(call: Call) -> Answer:
    """Go on."""
    return await _steer_all(call, "resume")


async def list_tokens(call: Call) -> Answer:
    """List linked accounts."""
    rows = await connections.read_own(call.gateway.database, call.bearer.account.id)
    return json_answer([account_wire.token_of(row, await _described(call, row)) for row in rows])


async def show_token(call: Call) -> Answer:
    """Tell of one linked account."""
    row = await _numbered(call)
    return json_answer([account_wire.token_of(row, await _described(call, row))])


async def toggle_token(call: Call) -> Answer:
    """Turn a linked account on or off."""
    row = await _numbered(call)
    if not isinstance(call.body.get("isActive"), bool):
        raise InvalidRequest("isActive must be true or false.")
    act: Act = "resume" if call.body["isActive"] else "suspend"
    row = await steer_connection(
        call.gateway, call.bearer, row.id, act=act, reason=None, owner_id=call.bearer.account.id
    )
    return json_answer([account_wire.token_of(row, await _described(call, row))])


async def token_queue(call: Call) -> Answer:
    """Count the jobs of one linked account."""
    row = await _numbered(call)
    waiting, active = await queue_counts(call.gateway, row)
    return json_answer(
        {
            "tokenId": row.number,
            "waiting": waiting,
            "active": active,
            "concurrency": row.concurrency_max,
            "paused": row.state == "paused",
        }
    )


async def trace(call: Call) -> Answer:
    """Tell which linked account has a message."""
    account_id = call.bearer.account.id
    task = await get_task(call.gateway, account_id, read_id(call.path["id"]))
    row = await connection_of(call.gateway, task, owner_id=account_id)
    if row is None:
        raise NotFound("No linked account of yours has this message.")
    token = account_wire.token_of(row, await _described(call, row))
    return json_answer(
        {
            "messageId": str(task.id),
            "tokenId": token.id,
            "discordChannelId": token.channel_id,
            "tokenStatus": token.status,
            "tokenInfo": {**token.info, "message": row.state_reason or ""},
        }
    )


async def list_words(call: Call) -> Answer:
    """List the account's own banned words."""
    rules = await banned_words.read_rules(call.gateway.database, call.bearer.account.id)
    return json_answer({"words": [rule.word for rule in rules]})


async def update_words(call: Call) -> Answer:
    """Make these the account's own banned words."""
    try:
        asked = msgspec.convert(call.body, Words)
    except msgspec.ValidationError as wrong:
        raise InvalidRequest(str(wrong)) from None
    rules = [Rule(word) for word in asked.words]
    await add_words(call.gateway, call.bearer, call.bearer.account.id, rules, replace=True)
    return await list_words(call)


async def execute(call: Call) -> Answer:
    """Give a linked account a command: info, a speed, or remix."""
    asked: Command = asked_for.read_body(call.body, Command)
    row = await find_by_number(call.gateway, call.bearer.account.id, asked.token_id)
    if asked.cmd in MODES:
        change = ConnectionChange(job_mode=asked.cmd)  # type: ignore[arg-type]  # it is one of them
        row = await change_connection(
            call.gateway, call.bearer, row.id, change, owner_id=call.bearer.account.id
        )
    elif asked.cmd != "info":
        raise InvalidRequest(f"cmd must be one of: info, {', '.join(MODES)}.")
    described = await describe_connection(call.gateway, row)
    answer: dict[str, Any] = msgspec.to_builtins(wire.ack(None, described.described_at))
    return json_answer({**answer, "info": account_wire.token_info(described.account)})


async def _own(call: Call) -> list[ConnectionRow]:
    rows = await connections.read_own(call.gateway.database, call.bearer.account.id)
    if not rows:
        raise InvalidRequest("No Discord account is linked.")
    return rows


async def _steer_all(call: Call, act: Act) -> Answer:
    for row in await _own(call):
        if row.state != "suspended":
            await steer_connection(
                call.gateway, call.bearer, row.id, act=act, reason=None, owner_id=call.bearer.account.id
            )
    return json_answer({"success": True})


async def _numbered(call: Call) -> ConnectionRow:
    number = call.path["id"]
    if not number.isdecimal() or len(number) > 9:
        raise NotFound("There is no such connection.")
    return await find_by_number(call.gateway, call.bearer.account.id, int(number))


async def _described(call: Call, row: ConnectionRow) -> Description | None:
    """What is known of it; an account that does not answer is listed all the same."""
    try:
        return await describe_connection(call.gateway, row)
    except UpstreamUnreachable:
        return None
