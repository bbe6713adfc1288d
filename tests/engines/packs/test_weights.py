"""What an operator brings as a model: a folder that a pack can run is taken, any other is told apart in one error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.engines.packs.models import model_of

from vermilion.engines.diffusion.layout import KINDS, layout_of
from vermilion.engines.packs.description import known_packs
from vermilion.engines.packs.install import InstallFailed
from vermilion.engines.packs.shelf import Shelf
from vermilion.engines.packs.weights import bring_weights

PACK = known_packs()["diffusion"]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path)
    shelf.folder.mkdir()
    return shelf


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that holds what a Stable Diffusion needs, by name."""
    return model_of(tmp_path / "stable", "StableDiffusionPipeline")


def refusal(shelf: Shelf, weights: Path | str) -> str:
    """What is said of these weights, and that nothing is taken."""
    with pytest.raises(InstallFailed) as failed:
        bring_weights(shelf, PACK, str(weights))
    assert not shelf.weights(PACK).exists()
    return f"{failed.value}; {failed.value.fix}"


@pytest.mark.parametrize("pipeline", KINDS)
def test_a_whole_folder_of_each_kind_is_taken(shelf: Shelf, tmp_path: Path, pipeline: str) -> None:
    """The folder stays where it is, and parts that the index says are not there are not asked for."""
    folder = model_of(
        tmp_path / "models" / "mine", pipeline, text_encoder_2=["a", "B"], text_encoder_3=[None, None]
    )
    bring_weights(shelf, PACK, str(folder))
    assert folder.resolve() == shelf.model_of(PACK)


def test_a_later_folder_replaces_the_earlier(shelf: Shelf, model: Path, tmp_path: Path) -> None:
    """And a folder that goes away leaves the pack in need of one."""
    bring_weights(shelf, PACK, str(model))
    other = model_of(tmp_path / "other", "FluxPipeline")
    bring_weights(shelf, PACK, str(other))
    assert other == shelf.model_of(PACK)
    other.rename(tmp_path / "gone")
    assert shelf.model_of(PACK) is None


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return change


def as_safetensors(folder: Path) -> None:
    for name in ("openvino_model.xml", "openvino_model.bin"):
        (folder / "unet" / name).unlink()
    write("unet/diffusion_pytorch_model.safetensors", "x")(folder)


WRONG: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "a network": (drop("unet/openvino_model.xml"), "unet/openvino_model.xml is missing"),
    "its numbers": (drop("unet/openvino_model.bin"), "unet/openvino_model.bin is missing"),
    "the tokenizer": (drop("tokenizer/openvino_tokenizer.xml"), "tokenizer/openvino_tokenizer"),
    "the scheduler": (drop("scheduler/scheduler_config.json"), "scheduler/scheduler_config.json is missing"),
    "the index": (drop("model_index.json"), "there is no model_index.json"),
    "an index that is JSON": (write("model_index.json", "<html>"), "model_index.json is not JSON"),
    "a known class": (
        write("model_index.json", '{"_class_name": "MinePipeline"}'),
        "a MinePipeline cannot be run",
    ),
    "no class of another type": (write("model_index.json", '{"_class_name": ["x"]}'), "cannot be run here"),
    "the parts in its index": (
        write("model_index.json", '{"_class_name": "StableDiffusionPipeline", "unet": ["a", "B"]}'),
        "model_index.json names no vae",
    ),
    "no pickles": (write("extra/old.ckpt", "x"), "extra/old.ckpt is a pickle, which can run code"),
    "no PyTorch": (write("unet/pytorch_model.bin", "x"), "unet/pytorch_model.bin is a pickle"),
    "OpenVINO's format": (as_safetensors, "optimum-cli export openvino"),
    "the files themselves": (
        write("vae_decoder/openvino_model.bin", "version https://git-lfs.github.com/spec/v1\n"),
        "vae_decoder/openvino_model.bin is only a pointer",
    ),
}


@pytest.mark.parametrize("lacks", WRONG)
def test_a_folder_that_cannot_be_run_is_told_what_it_lacks(shelf: Shelf, model: Path, lacks: str) -> None:
    """One clear error, and nothing changes."""
    change, words = WRONG[lacks]
    change(model)
    assert words in refusal(shelf, model)


def test_a_single_file_is_told_how_to_be_converted(shelf: Shelf, tmp_path: Path) -> None:
    """As people find them on model pages."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "dreams.safetensors").write_text("x")
    assert "dreams.safetensors is a single file" in refusal(shelf, folder)


@pytest.mark.parametrize("weights", ["nowhere", "./no/where", "/no/where", "a/b/c"])
def test_neither_folder_nor_name_is_said_plainly(shelf: Shelf, weights: str) -> None:
    """Without asking any network."""
    assert "neither a folder nor a name like owner/model" in refusal(shelf, weights)


@pytest.mark.parametrize(
    ("name", "pipeline", "expected"),
    [
        ("stable-diffusion-v1-5-int8-ov", "StableDiffusionPipeline", (25, 7.5, 512)),
        ("sd-turbo-ov", "StableDiffusionPipeline", (4, 0.0, 512)),
        ("LCM_Dreamshaper_v7-int8-ov", "LatentConsistencyModelPipeline", (4, 8.5, 512)),
        ("FLUX.1-schnell-int4-ov", "FluxPipeline", (4, 3.5, 1024)),
        ("FLUX.1-dev-int4-ov", "FluxPipeline", (25, 3.5, 1024)),
    ],
)
def test_a_model_is_asked_as_its_kind_wants(
    tmp_path: Path, name: str, pipeline: str, expected: tuple[int, float, int]
) -> None:
    """Steps and guidance by its class and its name, size by its configuration."""
    folder = model_of(tmp_path / f"OpenVINO--{name}", pipeline)
    write("vae_decoder/config.json", '{"block_out_channels": [1, 2, 3, 4]}')(folder)
    if (folder / "unet").is_dir():
        write("unet/config.json", '{"sample_size": 64}')(folder)
    layout = layout_of(folder)
    assert (f"OpenVINO/{name}", expected) == (layout.name, (layout.steps, layout.guidance, layout.pixels))
