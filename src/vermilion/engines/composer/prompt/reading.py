"""Reads a prompt into what it asks for. Pure: the same text always gives the same reading."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from vermilion.engines.composer.prompt.lexicon import (
    WORDS_MAX,
    emoji_meaning,
    is_plural,
    is_wide,
    languages_of,
    meaning,
)
from vermilion.engines.composer.scene.graph import Land, Time
from vermilion.engines.styles import STYLES

MENTIONS_MAX = 8  #: kinds of things in one picture
THINGS_MAX = 14
CHARACTERS_READ = 10_000
TOKENS_READ = 2_000
_FLAG = re.compile(
    r"(?<!\S)--?(ar|no|seed|style|stylize|s|v|q|chaos|c)\s+(.*?)(?=\s+--?[a-z]+\s|\s*$)", re.IGNORECASE
)
#: Articles and prepositions that French and Italian write into the next word.
_ELIDED = re.compile(r"^(?:[ldnscjmt]|qu|un|dell|nell|sull|all|dall)['’](?=\w)")
_TOKEN = re.compile(
    r"[\U0001F000-\U0001FAFF\u2600-\u27BF\u2B00-\u2BFF\u231A-\u23FF]"
    r"(?:[\U0001F3FB-\U0001F3FF\uFE0F]|\u200D[\U0001F000-\U0001FAFF\u2600-\u27BF\u2640\u2642]\uFE0F?)*"
    r"|[\u3040-\u30ff\u3400-\u9fff々ー]+|\d+|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W\d_]+)*"
)


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that the prompt names: it is in this `relation` to the mention with the number `to`."""

    art: str
    word: str
    count: int = 1
    size: str = ""
    colour: str | None = None
    relation: str = ""
    to: int | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt asks for; empty where it says nothing."""

    text: str
    mentions: tuple[Mention, ...] = ()
    lands: tuple[Land, ...] = ()
    times: tuple[Time, ...] = ()
    weather: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    tint: str | None = None
    style: str | None = None
    ratio: tuple[float, float] | None = None
    seed: int | None = None
    unwanted: str = ""
    unknown: tuple[str, ...] = ()


def read_prompt(text: str, negative: str = "") -> Reading:
    """The reading of a prompt; what the negative one names is left out of it."""
    text = unicodedata.normalize("NFKC", text[:CHARACTERS_READ])
    words, flags = _without_flags(text)
    unwanted = " ".join(filter(None, (negative, flags.get("no", ""))))
    language = languages_of(words.casefold().split())[0]
    ears = _Ears(tells_after=language == "ja", german=language == "de")
    for token in _meanings(words):
        ears.hear(*token)
    banned = {
        (kind, name) for kind, name, _ in _meanings(unicodedata.normalize("NFKC", unwanted[:CHARACTERS_READ]))
    }
    return ears.reading(words.strip(), flags, unwanted, banned)


def _without_flags(text: str) -> tuple[str, dict[str, str]]:
    flags: dict[str, str] = {}
    for found in _FLAG.finditer(text):
        flags[found[1].lower()] = found[2].strip()
    return _FLAG.sub(" ", text), flags


def _meanings(text: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and words of everything that the text says, longest phrases first."""
    tokens = [_ELIDED.sub("", found[0].casefold()) for found in _TOKEN.finditer(text)][:TOKENS_READ]
    languages = languages_of(tokens)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if not token[0].isalnum() or ord(token[0]) > 0x1F000:
            if (found := emoji_meaning(token)) is not None:
                yield *found, token
            at += 1
        elif is_wide(token):
            yield from _wide_meanings(token, languages)
            at += 1
        else:
            used, found = _phrase(tokens[at : at + WORDS_MAX], languages)
            yield *(found or ("unknown", token)), " ".join(tokens[at : at + used])
            at += used


def _phrase(tokens: list[str], languages: tuple[str, ...]) -> tuple[int, tuple[str, str] | None]:
    for used in range(len(tokens), 0, -1):
        phrase = " ".join(tokens[:used])
        if phrase.isdigit() and used == 1:
            return 1, ("count", phrase[:3])
        if (found := meaning(phrase, languages)) is not None:
            return used, found
    return 1, None


def _wide_meanings(run: str, languages: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Longest match from the left through text without spaces."""
    at = 0
    while at < len(run):
        for used in range(min(8, len(run) - at), 0, -1):
            part = run[at : at + used]
            if (found := meaning(part, languages)) is not None:
                yield *found, part
                at += used
                break
        else:
            yield "unknown", run[at], run[at]
            at += 1


class _Ears:
    """Collects what is heard, word after word; attributes wait for the thing that they describe."""

    def __init__(self, *, tells_after: bool, german: bool) -> None:
        self.german = german
        self.tells_after = tells_after  #: as in Japanese: `castle's-top's dragon`
        self.mentions: list[Mention] = []
        self.heard: dict[str, list[str]] = {}
        self.count, self.size, self.relation = 0, "", ""
        self.colour: str | None = None
        self.just_named = False

    def hear(self, kind: str, name: str, words: str) -> None:
        match kind:
            case "things":
                self._thing(name, words)
                return
            case "count":
                self.count = max(1, min(int(name), THINGS_MAX))
            case "size":
                self.size = name
            case "colour":
                self._colour(name)
            case "relation":
                self.relation = name
                self.count, self.size, self.colour = 0, "", None
            case "ignored":
                pass
            case _:
                self.heard.setdefault(kind, []).append(name)
                self._tinted(kind)
        self.just_named = False

    def _thing(self, code: str, words: str) -> None:
        count = self.count or (3 if is_plural(words, code, german=self.german) else 1)
        known = next((number for number, one in enumerate(self.mentions) if one.art == code), None)
        if known is not None:  # Said again: more of the same. Another word for it says nothing new.
            one = self.mentions[known]
            count *= words == one.word
            self.mentions[known] = msgspec.structs.replace(one, count=min(THINGS_MAX, one.count + count))
        elif len(self.mentions) < MENTIONS_MAX:
            self.mentions.append(
                Mention(art=code, word=words, count=count, size=self.size, colour=self.colour)
            )
            self._tie()
        self.count, self.size, self.colour, self.relation, self.just_named = 0, "", None, "", True

    def _tie(self) -> None:
        """`A over B` places A by B; things that are just beside each other are placed in their order."""
        last = len(self.mentions) - 1
        if not self.relation or last == 0:
            return
        one, other = (last, last - 1) if self.tells_after or self.relation == "beside" else (last - 1, last)
        if self.mentions[one].to is None:
            self.mentions[one] = msgspec.structs.replace(self.mentions[one], relation=self.relation, to=other)

    def _colour(self, name: str) -> None:
        """Before its thing in most languages, after it in the Romance ones."""
        self.colour = name
        if self.just_named and self.mentions and self.mentions[-1].colour is None:
            self.mentions[-1] = msgspec.structs.replace(self.mentions[-1], colour=name)
            self.colour = None
        self.heard.setdefault("colour", []).append(name)

    def _tinted(self, kind: str) -> None:
        """A colour before the land or the light is its tint: `pink sunset`."""
        if kind in ("time", "land") and self.colour:
            self.heard.setdefault("tint", []).append(self.colour)
            self.colour = None

    def reading(
        self, text: str, flags: dict[str, str], unwanted: str, banned: set[tuple[str, str]]
    ) -> Reading:
        def kept(kind: str) -> tuple[str, ...]:
            return tuple(
                name for name in dict.fromkeys(self.heard.get(kind, ())) if (kind, name) not in banned
            )

        mentions = _without(self.mentions, {name for kind, name in banned if kind == "things"})
        tints, styles = kept("tint"), kept("style")
        colours = [name for name in kept("colour") if all(one.colour != name for one in mentions)]
        return msgspec.convert(
            {
                "text": text, "mentions": mentions, "lands": kept("land"), "times": kept("time"),
                "weather": kept("weather"), "moods": kept("mood"),
                "style": _style(flags) or (styles[0] if styles else None),
                "tint": tints[0] if tints else colours[0] if colours else None,
                "ratio": _ratio(flags.get("ar", "")), "seed": _seed(flags.get("seed", "")),
                "unwanted": unwanted, "unknown": kept("unknown")[:64],
            },
            Reading,
        )  # fmt: skip


def _without(mentions: list[Mention], banned: set[str]) -> tuple[Mention, ...]:
    """The mentions that are wanted, their ties renumbered."""
    numbers = {
        old: new for new, old in enumerate(n for n, one in enumerate(mentions) if one.art not in banned)
    }
    return tuple(
        msgspec.structs.replace(one, to=numbers.get(one.to) if one.to is not None else None)
        for number, one in enumerate(mentions)
        if number in numbers
    )


def _style(flags: dict[str, str]) -> str | None:
    name = flags.get("style", "").casefold().strip().replace(" ", "-")
    return name if name in STYLES else None


def _ratio(text: str) -> tuple[float, float] | None:
    found = re.fullmatch(r"(\d{1,3})\s*[:/x]\s*(\d{1,3})", text.strip())
    if not found or not (int(found[1]) and int(found[2])):
        return None
    across, down = int(found[1]), int(found[2])
    return (float(across), float(down)) if 1 / 3 <= across / down <= 3 else None


def _seed(text: str) -> int | None:
    return int(text) if text.isdigit() and int(text) <= 0xFFFF_FFFF else None
