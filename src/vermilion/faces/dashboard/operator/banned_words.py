"""The words that are refused for everyone: the list as text, and a tester that says what a prompt would meet."""

from __future__ import annotations

from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.change_words import add_words, format_list, parse_list
from vermilion.services.check_texts import Finding, find_banned
from vermilion.storage import banned_words


async def show(visit: Visit) -> Response:
    """The list."""
    return await _page(visit)


async def save(visit: Visit) -> Response:
    """Make the text the whole list."""
    await add_words(visit.gateway, visit.bearer, None, parse_list(visit.text("words")), replace=True)
    return see("/operator/banned-words", told="Saved. It holds on every node at once.")


async def try_out(visit: Visit) -> Response:
    """What a prompt would meet."""
    prompt = visit.text("prompt")
    return await _page(
        visit, prompt=prompt, finding=await find_banned(visit.gateway, visit.account_id, prompt)
    )


async def _page(visit: Visit, *, prompt: str = "", finding: Finding | None = None) -> Response:
    rules = await banned_words.read_rules(visit.gateway.database, None)
    return await page(
        visit,
        "operator/banned_words.html",
        title="Banned words",
        words=format_list(rules),
        number=len(rules),
        prompt=prompt,
        finding=finding,
    )
