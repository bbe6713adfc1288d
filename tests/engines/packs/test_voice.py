"""The voice pack, as it is installed: text becomes speech, and text that cannot be spoken is turned down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import psutil
import pytest
from tests.support.packs import INSTALL_TIMEOUT_S, Engines

PACKS = ("voice",)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(INSTALL_TIMEOUT_S),
    pytest.mark.asyncio(loop_scope="module"),
]


def seconds(path: Path) -> float:
    with av.open(str(path)) as sound:
        assert sound.duration is not None
        return sound.duration / 1_000_000


@pytest.mark.parametrize("kind", ["wav", "mp3", "ogg", "flac"])
async def test_a_sentence_is_spoken_in_every_format(engines: Engines, kind: str) -> None:
    """The file plays as long as the facts say."""
    result = await engines.run("speak", {"text": "Good morning, dear listeners.", "format": kind})
    assert 1 < result.facts["duration_s"] < 4
    assert abs(seconds(result.files[0].path) - result.facts["duration_s"]) < 0.2


async def test_twice_the_speed_is_much_shorter(engines: Engines) -> None:
    """The voice varies a little from time to time, speed far more."""
    words = {"text": "The ship has arrived at the harbour after seven days.", "format": "wav"}
    slow, fast = [(await engines.run("speak", {**words, "speed": speed})).facts for speed in (1, 2)]
    assert 0.35 < fast["duration_s"] / slow["duration_s"] < 0.8


async def test_the_voice_is_a_program_of_its_own_and_stays_warm(engines: Engines) -> None:
    """One child of one worker speaks every text; the worker itself never imports it."""
    await engines.run("speak", {"text": "one"})
    first = [child.pid for pid in engines.worker_pids for child in psutil.Process(pid).children()]
    await engines.run("speak", {"text": "two"})
    second = [child.pid for pid in engines.worker_pids for child in psutil.Process(pid).children()]
    assert (1, first) == (len(first), second)


@pytest.mark.parametrize(
    "text",
    [
        "你好，世界",
        "مرحبا",
        "Party 🎉 <b>now</b>",
        "a" * 3000,
        "tab\there\x00\x07 bell",
        "One.\n\n\nTwo…  Three?",
    ],
)
async def test_strange_texts_are_spoken_somehow(engines: Engines, text: str) -> None:
    """Other scripts, one endless word, control characters: there is a sound, and no crash."""
    result = await engines.run("speak", {"text": text})
    assert result.facts["duration_s"] > 0.2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"text": ""}, "nothing in the text"),
        ({"text": " \n\t "}, "nothing in the text"),
        ({"text": "… — 🎉!"}, "nothing in the text"),
        ({"text": "x" * 1_000_000}, "at most 10000"),
        ({"text": "hi", "speed": 40}, "speed"),
        ({"text": "hi", "format": "exe"}, "format"),
        ({}, "text"),
    ],
)
async def test_what_cannot_be_spoken_is_the_senders_mistake(
    engines: Engines, given: dict[str, Any], words: str
) -> None:
    """The refusal says what is wrong."""
    assert words in await engines.refusal("speak", given)
