"""Banned words and prompt checks: an account's own list, everyone's, and what operators decide about findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from vermilion.domain.moderation.folding import fold
from vermilion.domain.moderation.readings import normal
from vermilion.domain.moderation.word_filter import Act, Rule
from vermilion.errors import InvalidRequest
from vermilion.faces.native.admin import admin_operation
from vermilion.faces.native.wire import Limit, Page
from vermilion.http.asgi import Answer, json_answer
from vermilion.http.endpoints import Call, Handler, Operation
from vermilion.services.change_words import add_words, format_list, parse_list, remove_word
from vermilion.services.check_texts import find_banned
from vermilion.services.decide_review import decide_review
from vermilion.services.review_pictures import review_pictures
from vermilion.storage import banned_words, reviews
from vermilion.storage.banned_words import WordRow
from vermilion.storage.reviews import ReviewRow

PROMPT_LENGTH_MAX = 100_000
WORDS_AT_ONCE_MAX = 50_000
TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
Word = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=300,
        description="A word or phrase; `*` at an end finds it within longer words, too.",
    ),
]


class PromptCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to look at before it is used."""

    prompt: Annotated[str, Meta(max_length=PROMPT_LENGTH_MAX)]


class FoundWord(msgspec.Struct, frozen=True):
    """A word of a list as the text spells it, at [start, end) of its characters."""

    word: str
    act: Act
    list: Literal["account", "everyone"]
    found: str
    start: int
    end: int


class PromptVerdict(msgspec.Struct, frozen=True):
    """Whether the text would be let through; `normalised` is how it was read."""

    verdict: Literal["pass", "flag", "block"]
    normalised: str
    match: FoundWord | None


class NewWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words for a list; `replace` makes them the whole list."""

    words: Annotated[list[Word], Meta(max_length=WORDS_AT_ONCE_MAX)]
    act: Annotated[
        Act, Meta(description="block refuses, flag lets through and notes, allow makes an exception.")
    ] = Act.BLOCK
    replace: bool = False


class WordQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of a list of words."""

    cursor: Annotated[str, Meta(max_length=300)] | None = None
    limit: Limit = 50


class OneWord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The word to take off."""

    word: Word


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the text is the whole list from now on, or adds to it."""

    replace: bool = False


class Changed(msgspec.Struct, frozen=True):
    """How many words were sent."""

    words: int


class ReviewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which findings to list."""

    state: Literal["open", "approved", "denied"] | None = "open"
    account_id: UUID | None = None
    cursor: UUID | None = None
    limit: Limit = 50


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Approve lets the account's same text or file pass from now on; deny refuses it, and deletes the file."""

    act: Literal["approve", "deny"]
    note: Annotated[str, Meta(max_length=1000)] | None = None


async def check_prompt(call: Call) -> Answer:
    """Say whether a prompt would be let through."""
    asked: PromptCheck = call.body
    finding = await find_banned(call.gateway, call.bearer.account.id, asked.prompt)
    match = None
    if finding is not None:
        found = finding.match
        which: Literal["account", "everyone"] = "account" if finding.of_account else "everyone"
        match = FoundWord(found.rule.word, found.rule.act, which, found.found, found.start, found.end)
    verdict: Literal["pass", "flag", "block"] = (
        "pass" if match is None else "block" if match.act is Act.BLOCK else "flag"
    )
    return json_answer(PromptVerdict(verdict, normal(fold(asked.prompt)), match))


class _Lists:
    """The operations on one kind of list: the caller's own, or everyone's."""

    def __init__(self, *, everyone: bool) -> None:
        self._everyone = everyone

    async def page(self, call: Call) -> Answer:
        """A page of the list."""
        query: WordQuery = call.query
        rows = await banned_words.read_page(
            call.gateway.database, self._account_id(call), after=query.cursor, limit=query.limit + 1
        )
        page = rows[: query.limit]
        return json_answer(Page(page, Rule(page[-1].word).form if len(rows) > query.limit else None))

    async def add(self, call: Call) -> Answer:
        """Add words."""
        asked: NewWords = call.body
        rules = [Rule(word, asked.act) for word in asked.words]
        await add_words(call.gateway, call.bearer, self._account_id(call), rules, replace=asked.replace)
        return json_answer(Changed(len(rules)), 201)

    async def remove(self, call: Call) -> Answer:
        """Take a word off."""
        query: OneWord = call.query
        await remove_word(call.gateway, call.bearer, self._account_id(call), query.word)
        return json_answer(Changed(1))

    async def write_out(self, call: Call) -> Answer:
        """The whole list as text."""
        rules = await banned_words.read_rules(call.gateway.database, self._account_id(call))
        return Answer(200, format_list(rules).encode(), TEXT)

    async def read_in(self, call: Call) -> Answer:
        """Take a list from text."""
        query: ImportQuery = call.query
        try:
            rules = parse_list(call.body.decode())
        except UnicodeDecodeError:
            raise InvalidRequest("The list must be text in UTF-8, one word or phrase a line.") from None
        await add_words(call.gateway, call.bearer, self._account_id(call), rules, replace=query.replace)
        return json_answer(Changed(len(rules)), 201)

    def _account_id(self, call: Call) -> UUID | None:
        return None if self._everyone else call.bearer.account.id


class ReviewView(ReviewRow, frozen=True):
    """A finding; `picture_url` shows the file that it is about while that is kept."""

    picture_url: str | None = None


async def list_reviews(call: Call) -> Answer:
    """List what the filters found, newest first."""
    query: ReviewQuery = call.query
    rows = await reviews.read_page(
        call.gateway.database,
        state=query.state,
        account_id=query.account_id,
        before=query.cursor,
        limit=query.limit + 1,
    )
    page = rows[: query.limit]
    shown = await _shown(call, page)
    return json_answer(Page(shown, str(page[-1].id) if len(rows) > query.limit else None))


async def decide(call: Call) -> Answer:
    """Approve or deny."""
    asked: Decision = call.body
    row = await decide_review(call.gateway, call.bearer, call.id(), act=asked.act, note=asked.note)
    return json_answer((await _shown(call, [row]))[0])


async def _shown(call: Call, rows: list[ReviewRow]) -> list[ReviewView]:
    pictures = await review_pictures(call.gateway, rows)
    return [
        ReviewView(
            **msgspec.structs.asdict(row),
            picture_url=call.origin + pictures[row.id] if row.id in pictures else None,
        )
        for row in rows
    ]


def _operations(lists: _Lists, prefix: str, add: Callable[..., Operation]) -> tuple[Operation, ...]:
    """The same operations for either kind of list."""
    text = "text/plain"
    return (
        add("GET", prefix, lists.page, "List banned words", Page[WordRow], query=WordQuery),
        add("POST", prefix, lists.add, "Ban words", Changed, 201, body=NewWords),
        add("DELETE", prefix, lists.remove, "Allow a word again", Changed, query=OneWord, errors=(404,)),
        add("GET", f"{prefix}/text", lists.write_out, "Export banned words", str, answers_as=text),
        add(
            "POST",
            f"{prefix}/text",
            lists.read_in,
            "Import banned words",
            Changed,
            201,
            raw_body=True,
            takes=text,
            query=ImportQuery,
            errors=(413,),
        ),
    )


def _own(  # noqa: PLR0917  (its calls are the columns of a table)
    method: str, path: str, handler: Handler, summary: str, answers: Any, status: int = 200, **more: Any
) -> Operation:
    return Operation(method, path, handler, "words:write", summary, answers, status, tag="Moderation", **more)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/prompt-checks",
        check_prompt,
        needs="tasks:read",
        summary="Check a prompt",
        body=PromptCheck,
        answers=PromptVerdict,
        tag="Moderation",
    ),
    *_operations(_Lists(everyone=False), "/v1/banned-words", _own),
    *_operations(_Lists(everyone=True), "/banned-words", admin_operation),
    admin_operation(
        "GET", "/reviews", list_reviews, "List what the filters found", Page[ReviewView], query=ReviewQuery
    ),
    admin_operation(
        "POST", "/reviews/{id}/decision", decide, "Decide a review", ReviewView, body=Decision, errors=(404,)
    ),
)
