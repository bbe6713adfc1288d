"""Everything that the service answers, in one list by topic, and how it says no."""

from __future__ import annotations

from vermilion.faces.goapi import account, conversations, legacy, tasks, uploads
from vermilion.faces.goapi.refusals import refuse
from vermilion.http.foreign import Face

FACE = Face(
    name="goapi",
    operations=(
        *tasks.OPERATIONS,
        *account.OPERATIONS,
        *uploads.OPERATIONS,
        *legacy.OPERATIONS,
        *conversations.OPERATIONS,
    ),
    refuse=refuse,
    prefixes=("/api/v1/task/", "/account/", "/api/open/", "/mj/v2/", "/api/chatgpt/"),
)
