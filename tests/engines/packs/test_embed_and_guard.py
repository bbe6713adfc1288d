"""The packs embed and guard, as they are installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.support.packs import INSTALL_TIMEOUT_S, Engines

from vermilion.engines.weights import sample_path

PACKS = ("embed", "guard")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(INSTALL_TIMEOUT_S),
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_related_texts_rank_first_across_languages(engines: Engines) -> None:
    """A question in English finds its answer in German, Chinese and Spanish before anything else."""
    passages = {
        "cat": ["Die Katze schläft auf dem Sofa.", "猫在沙发上睡觉。", "El gato duerme en el sofá."],
        "money": ["Die Zinsen sind gestiegen.", "利率上升了。", "Los tipos de interés han subido."],
    }
    texts = [text for group in passages.values() for text in group]
    made = await engines.run("embed", {"texts": texts, "purpose": "passage"})
    asked = await engines.run(
        "embed", {"texts": ["Where does the cat sleep?", "What happened to interest rates?"]}
    )
    vectors, questions = np.array(made.facts["embeddings"]), np.array(asked.facts["embeddings"])
    scores = questions @ vectors.T
    assert [{0, 1, 2}, {3, 4, 5}] == [set(np.argsort(-row)[:3].tolist()) for row in scores]
    assert (384, True) == (made.facts["dimensions"], made.facts["usage"]["total_tokens"] > 20)
    assert np.allclose(1, np.linalg.norm(vectors, axis=1), atol=1e-3)


@pytest.mark.parametrize("texts", [[], [" "], ["x" * 9000], ["a\x00b"], ["x"] * 65, "plain", None])
async def test_texts_that_cannot_be_embedded_are_refused(engines: Engines, texts: Any) -> None:
    """Empty, too long, too many, or no texts at all."""
    assert "text" in await engines.refusal("embed", {"texts": texts}) or "array" in str(texts)


async def test_plain_pictures_are_safe(engines: Engines, tmp_path: Path) -> None:
    """A landscape and a portrait of an astronaut score low, whatever the mode of the file."""
    hills = Image.linear_gradient("L").resize((320, 200)).convert("RGB")
    hills.paste((30, 110, 40), (0, 120, 320, 200))
    for number, mode in enumerate(("RGB", "L", "P", "CMYK")):
        path = tmp_path / f"{number}.bin"
        hills.convert(mode).save(path, "JPEG" if mode == "CMYK" else "PNG")
        assert (await engines.run("score", {}, image=path)).facts["nsfw_score"] < 0.2
    assert (await engines.run("score", {}, image=sample_path("astronaut.png"))).facts["nsfw_score"] < 0.2


async def test_what_is_no_picture_is_not_scored(engines: Engines, noise: Path, tmp_path: Path) -> None:
    """Noise and a picture cut short are refused."""
    cut = tmp_path / "cut.png"
    cut.write_bytes(sample_path("astronaut.png").read_bytes()[:5000])
    for path in (noise, cut):
        assert await engines.refusal("score", {}, image=path)
