"""The diffusion pack, as it is installed, with a tiny model that the test makes: the real runtime loads and runs it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.engines.packs.models import model_of
from tests.support.packs import CACHE, INSTALL_TIMEOUT_S, Engines, engines_of, installed_packs, tiny_diffusion

from vermilion.engines.contract import EngineResult, EngineUnavailable
from vermilion.engines.packs.description import known_packs
from vermilion.engines.packs.shelf import Shelf
from vermilion.engines.packs.weights import bring_weights

PACKS = ("diffusion",)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(INSTALL_TIMEOUT_S),
    pytest.mark.asyncio(loop_scope="module"),
]
PACK = known_packs()["diffusion"]
FOX: Mapping[str, Any] = {
    "operation": "text-to-image",
    "prompt": "a red fox",
    "steps": 3,
    "size": 128,
    "seed": 5,
}


def pixels(result: EngineResult, number: int = 0) -> np.ndarray[Any, Any]:
    with Image.open(result.files[number].path) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int16)


def difference(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(np.abs(one - other).mean())


def shelf_in(folder: Path) -> Shelf:
    """A shelf with the pack, which waits for a model."""
    shelf = Shelf(folder)
    shelf.folder.mkdir()
    shelf.place(PACK).symlink_to(CACHE / "packs" / PACK.folder_name, target_is_directory=True)
    return shelf


async def test_the_same_seed_draws_the_same_picture(engines: Engines) -> None:
    """Another seed, another prompt, what is to be left out and guidance each change it."""
    first = pixels(await engines.run("diffuse", FOX))
    assert 0 == difference(first, pixels(await engines.run("diffuse", FOX)))
    for change in (
        {"seed": 6},
        {"prompt": "a blue whale"},
        {"negative_prompt": "blurred"},
        {"guidance": 12},
        {"steps": 5},
    ):
        assert difference(first, pixels(await engines.run("diffuse", {**FOX, **change}))) > 1, change


async def test_the_picture_says_what_made_it(engines: Engines) -> None:
    """The file and the facts name model and method; nothing of the prompt is lost."""
    result = await engines.run("diffuse", {**FOX, "prompt": "ein Fuchs 🦊\x00", "negative_prompt": "snow"})
    with Image.open(result.files[0].path) as picture:
        note = dict(picture.text)  # type: ignore[attr-defined]
    assert "tiny-diffusion" in note["model"]
    assert note["method"] == result.facts["method"]
    assert "StableDiffusionPipeline" in note["method"]
    assert ("ein Fuchs 🦊 ", "snow", "5", "3", "7.5") == tuple(
        note[name] for name in ("prompt", "negative_prompt", "seed", "steps", "guidance")
    )
    assert "CPU" == result.facts["device"] or "GPU" == result.facts["device"]


async def test_several_pictures_have_the_next_seeds_and_progress_by_steps(engines: Engines) -> None:
    """The second picture is the one that its seed alone would give."""
    engines.progress.clear()
    both = await engines.run("diffuse", {**FOX, "count": 2})
    assert [5, 6] == [picture["seed"] for picture in both.facts["pictures"]]
    assert sorted(engines.progress) == engines.progress
    assert {51, 98} <= set(engines.progress)
    alone = await engines.run("diffuse", {**FOX, "seed": 6})
    assert 0 == difference(pixels(both, 1), pixels(alone))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("16:9", (256, 144)), ("9:16", (144, 256)), ("1:1", (256, 256)), ("21:9", (256, 112))],
)
async def test_shapes_are_made_of_whole_grains(
    engines: Engines, shape: str, expected: tuple[int, int]
) -> None:
    """The longest side is as asked, and each is a multiple of sixteen."""
    [file] = (await engines.run("diffuse", {**FOX, "aspect_ratio": shape, "size": 256})).files
    assert expected == (file.width, file.height)


async def test_a_little_strength_stays_closer_to_the_picture(engines: Engines, tmp_path: Path) -> None:
    """Its shape is kept, and the rest of the way to noise is as long as strength says."""
    image = tmp_path / "given.png"
    Image.linear_gradient("L").resize((200, 100)).save(image)
    wish = {**FOX, "operation": "image-to-image", "steps": 10}
    little, much = [
        await engines.run("diffuse", {**wish, "strength": strength}, image=image) for strength in (0.1, 1.0)
    ]
    assert (128, 64) == (little.files[0].width, little.files[0].height)
    assert difference(pixels(little), pixels(much)) > 1


async def test_drawing_anew_leaves_the_rest_as_it_is(engines: Engines, tmp_path: Path) -> None:
    """Outside the mask every pixel is the picture's own, in the picture's own size."""
    image, mask = tmp_path / "image.png", tmp_path / "mask.png"
    Image.linear_gradient("L").convert("RGB").resize((300, 200)).save(image)
    painted = Image.new("L", (300, 200))
    painted.paste(255, (150, 0, 300, 200))
    painted.save(mask)
    made = pixels(await engines.run("diffuse", {**FOX, "operation": "inpaint"}, image=image, mask=mask))
    with Image.open(image) as kept:
        before = np.asarray(kept, dtype=np.int16)
    assert before.shape == made.shape
    assert 0 == difference(before[:, :150], made[:, :150])
    assert difference(before[:, 160:], made[:, 160:]) > 10


async def test_a_wider_picture_holds_the_given_one(engines: Engines, tmp_path: Path) -> None:
    """Every pixel of it is there, and what is new is drawn."""
    image = tmp_path / "image.png"
    Image.linear_gradient("L").convert("RGB").resize((200, 120)).save(image)
    wish = {**FOX, "operation": "outpaint", "left": 40, "bottom": 30}
    result = await engines.run("diffuse", wish, image=image)
    with Image.open(image) as kept:
        before = np.asarray(kept, dtype=np.int16)
    assert (240, 150) == (result.files[0].width, result.files[0].height)
    assert 0 == difference(before, pixels(result)[:120, 40:])
    other = await engines.run("diffuse", {**wish, "seed": 6}, image=image)
    assert difference(pixels(result)[:, :40], pixels(other)[:, :40]) > 1


async def test_a_variation_has_the_parents_words(engines: Engines) -> None:
    """And of its picture as much is drawn anew as asked."""
    parent = await engines.run("diffuse", {**FOX, "count": 2, "steps": 10})
    wish = {
        "operation": "variation",
        "parent": parent.facts,
        "index": 2,
        "steps": 10,
        "size": 128,
        "seed": 9,
    }
    files = {"parent/1": parent.files[1].path}
    made = {}
    for strength in ("subtle", "strong"):
        result = await engines.run("diffuse", {**wish, "strength": strength}, **files)
        assert FOX["prompt"] == result.facts["pictures"][0]["prompt"]
        made[strength] = pixels(result)
    assert difference(made["subtle"], made["strong"]) > 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 4001}, "prompt"),
        ({"steps": 101}, "steps"),
        ({"size": 4096}, "size"),
        ({"guidance": -1}, "guidance"),
        ({"aspect_ratio": "100:1"}, "aspect_ratio"),
        ({"operation": "video"}, "operation"),
        ({"operation": "image-to-image"}, "no image"),
        ({"operation": "inpaint"}, "no image"),
        ({"operation": "outpaint"}, "at least one of left"),
        ({"operation": "variation", "prompt": " ", "parent": {"pictures": "forged"}}, "the prompt is empty"),
        ({"operation": "variation", "parent": {"pictures": []}}, "no picture number 1"),
    ],
)
async def test_what_cannot_be_drawn_is_the_senders_mistake(
    engines: Engines, given: dict[str, Any], words: str
) -> None:
    """The refusal says what is wrong."""
    assert words in await engines.refusal("diffuse", {**FOX, **given})


async def test_files_that_are_no_pictures_are_refused(engines: Engines, noise: Path, tmp_path: Path) -> None:
    """So are masks that name nothing."""
    wish = {**FOX, "operation": "inpaint"}
    image = tmp_path / "image.png"
    Image.new("RGB", (64, 64), "teal").save(image)
    assert "unreadable_picture" in await engines.refusal("diffuse", wish, image=noise, mask=image)
    Image.new("L", (64, 64)).save(tmp_path / "empty.png")
    assert "empty_mask" in await engines.refusal("diffuse", wish, image=image, mask=tmp_path / "empty.png")


@pytest.mark.parametrize("kind", ["sdxl", "lcm", "flux"])
async def test_models_of_other_kinds_are_run(kind: str, tmp_path: Path) -> None:
    """From words, from a picture and in part, in any order: each is another way to load it."""
    shelf = shelf_in(tmp_path)
    bring_weights(shelf, PACK, str(tiny_diffusion(installed_packs("diffusion"), kind)))
    image = tmp_path / "image.png"
    Image.linear_gradient("L").convert("RGB").resize((128, 128)).save(image)
    given = {"image": image}
    async with engines_of(shelf, tmp_path / "scratch") as engines:
        first = await engines.run("diffuse", FOX)
        await engines.run("diffuse", {**FOX, "operation": "image-to-image"}, **given)
        part = await engines.run("diffuse", {**FOX, "operation": "inpaint"}, **given, mask=image)
        again = await engines.run("diffuse", FOX)
        other = await engines.run("diffuse", {**FOX, "prompt": "a blue whale", "negative_prompt": "snow"})
        assert 0 == difference(pixels(first), pixels(again))
        assert difference(pixels(first), pixels(other)) > 0  # Chance weights listen to words a little only.
    assert (128, 128) == (part.files[0].width, part.files[0].height)
    assert (None if kind == "sdxl" else ["negative_prompt"]) == other.facts.get("parameters_unused")


async def test_a_model_that_draws_whole_pictures_only_says_so(tmp_path: Path) -> None:
    """The customer hears which model it is, before it is loaded."""
    shelf = shelf_in(tmp_path)
    bring_weights(shelf, PACK, str(model_of(tmp_path / "klein", "Flux2KleinPipeline")))
    image = tmp_path / "image.png"
    Image.new("RGB", (64, 64), "white").save(image)
    wish = {**FOX, "operation": "inpaint"}
    async with engines_of(shelf, tmp_path / "scratch") as engines:
        said = await engines.refusal("diffuse", wish, image=image, mask=image)
    assert "not_this_model: the model on this machine, klein, draws whole pictures only" == said


async def test_another_model_takes_over_and_a_damaged_one_says_so(tmp_path: Path) -> None:
    """The worker with the model of before goes; a network that cannot be read is the operator's to mend."""
    shelf = shelf_in(tmp_path)
    tiny = tiny_diffusion(installed_packs("diffusion"))
    for name in ("one", "broken"):
        shutil.copytree(tiny, tmp_path / name)
    bring_weights(shelf, PACK, str(tmp_path / "one"))
    async with engines_of(shelf, tmp_path / "scratch") as engines:
        assert "one" == (await engines.run("diffuse", FOX)).facts["model"]
        [first] = engines.worker_pids
        bring_weights(shelf, PACK, str(tmp_path / "broken"))
        (tmp_path / "broken" / "unet" / "openvino_model.xml").write_text("<net/>")
        with pytest.raises(EngineUnavailable, match="broken cannot be loaded") as broken:
            await engines.run("diffuse", FOX)
        assert str(tmp_path) not in str(broken.value)
        async with asyncio.timeout(60):
            while first in engines.worker_pids:
                await asyncio.sleep(0.05)
        (tmp_path / "broken" / "vae_decoder" / "openvino_model.bin").unlink()
        with pytest.raises(EngineUnavailable, match=r"vae_decoder/openvino_model\.bin is missing"):
            await engines.run("diffuse", FOX)
