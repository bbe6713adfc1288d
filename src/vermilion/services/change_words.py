"""Change the list of banned words that holds for everyone, or an account's own."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from vermilion.domain.moderation.word_filter import Act, Rule, problem_of
from vermilion.errors import FieldProblem, InvalidRequest, NotFound
from vermilion.services.gateway import Gateway
from vermilion.storage import audit, banned_words
from vermilion.storage.accounts import Bearer

ACCOUNT_WORDS_MAX = 5_000
GLOBAL_WORDS_MAX = 50_000
PROBLEMS_SHOWN_MAX = 100
COMMENT = "#"


async def add_words(
    gateway: Gateway, actor: Bearer, account_id: UUID | None, rules: Sequence[Rule], *, replace: bool = False
) -> None:
    """Add words to a list, or make them the whole list; holds on every node at once. Raises InvalidRequest."""
    problems = [
        FieldProblem(f"/words/{number}", problem)
        for number, rule in enumerate(rules)
        if (problem := problem_of(rule.word)) is not None
    ]
    if problems:
        raise InvalidRequest(problems=tuple(problems[:PROBLEMS_SHOWN_MAX]))
    words_max = GLOBAL_WORDS_MAX if account_id is None else ACCOUNT_WORDS_MAX
    await banned_words.add_words(gateway.database, account_id, rules, replace=replace, words_max=words_max)
    gateway.words.changed(str(account_id or ""))
    if account_id is None:
        await audit.note(
            gateway.database, actor.account.id, "words.add", "everyone", words=len(rules), replace=replace
        )


async def remove_word(gateway: Gateway, actor: Bearer, account_id: UUID | None, word: str) -> None:
    """Take a word off a list. Raises NotFound."""
    removed = await banned_words.remove_words(gateway.database, account_id, [Rule(word).form])
    if not removed:
        raise NotFound(f"The word {word!r} is not on this list.")
    gateway.words.changed(str(account_id or ""))
    if account_id is None:
        await audit.note(gateway.database, actor.account.id, "words.remove", "everyone", word=word)


def parse_list(text: str) -> list[Rule]:
    """A list as text: a word or phrase a line, after `allow:` an exception, after `flag:` one that is only noted."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return [_parse_line(line) for line in lines if line and not line.startswith(COMMENT)]


def format_list(rules: Sequence[Rule]) -> str:
    """The list as text that `parse_list` reads back."""
    return "".join(f"{_PREFIXES[rule.act]}{rule.word}\n" for rule in rules)


_PREFIXES = {Act.BLOCK: "", Act.FLAG: "flag: ", Act.ALLOW: "allow: "}


def _parse_line(line: str) -> Rule:
    for act, prefix in _PREFIXES.items():
        if prefix and line.lower().startswith(prefix.strip()):
            return Rule(line[len(prefix.strip()) :].strip(), act)
    return Rule(line)
