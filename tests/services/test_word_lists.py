"""Word lists as they are kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from vermilion.domain.moderation.word_filter import Rule
from vermilion.services.word_lists import EMPTY, WordLists

ACCOUNT = uuid4()


class Stored:
    """The lists of a database, and how often they were read."""

    def __init__(self, *words: str) -> None:
        self.rules = [Rule(word) for word in words]
        self.reads = 0

    async def load(self, _account_id: UUID | None) -> Sequence[Rule]:
        """What is stored now."""
        self.reads += 1
        return list(self.rules)


async def test_an_unchanged_list_stays_in_use() -> None:
    """A list read again and found to be the same keeps what it learned about words."""
    stored = Stored("kill", "child porn")
    lists = WordLists(stored.load)

    first = await lists.get(None)
    lists.changed("")
    second = await lists.get(None)
    lists.clear()
    third = await lists.get(None)

    assert first is second is third
    assert stored.reads == 3


async def test_a_changed_list_is_compiled_anew() -> None:
    """What was known of an account's list before it changed is gone, and what emptied it is seen."""
    stored = Stored("kill")
    lists = WordLists(stored.load)
    before = await lists.get(ACCOUNT)
    assert before.find("a porn kitchen") is None

    stored.rules.append(Rule("porn"))
    assert (await lists.get(ACCOUNT)) is before
    lists.changed(str(ACCOUNT))
    assert (await lists.get(ACCOUNT)).find("a porn kitchen") is not None
    stored.rules.clear()
    lists.changed(str(ACCOUNT))
    assert (await lists.get(ACCOUNT)) is EMPTY


async def test_a_change_while_a_list_is_read_is_not_missed() -> None:
    """A list that changes between its reading and its use is read once more."""
    stored = Stored("kill")

    async def change_meanwhile(account_id: UUID | None) -> Sequence[Rule]:
        rules = await stored.load(account_id)
        stored.rules = [Rule("porn")]
        lists.changed("")
        return rules

    lists = WordLists(change_meanwhile)
    assert (await lists.get(None)).find("kill") is not None
    assert (await lists.get(None)).find("porn") is not None
