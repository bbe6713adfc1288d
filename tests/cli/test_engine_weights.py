"""`vermilion engines` with a model that the operator brings: from a folder, from the hub, and wrong ones."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Cli, answer
from tests.cli.hub import Hub, serving
from tests.support.packs import CACHE, INSTALL_TIMEOUT_S, installed_packs, tiny_diffusion

from vermilion.engines.packs.description import known_packs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]


@pytest.fixture(scope="module")
def tiny() -> Path:
    """A model that can be run."""
    return tiny_diffusion(installed_packs("diffusion"))


@pytest.fixture
def data_dir(tmp_path: Path, tiny: Path) -> Path:
    """A data folder with the pack in it, and no model yet."""
    place = tmp_path / "data" / "packs" / known_packs()["diffusion"].folder_name
    place.parent.mkdir(parents=True)
    place.symlink_to(CACHE / "packs" / place.name, target_is_directory=True)
    return tmp_path / "data"


def test_a_folder_is_taken_and_works(cli: Cli, data_dir: Path, tiny: Path) -> None:
    """Without a model the pack says what to type; with one it draws a picture when it is checked."""
    names = {"VERMILION_DATA_DIR": str(data_dir)}
    bare = cli("engines", "add", "diffusion", **names)
    assert (0, True) == (bare.returncode, "engines add diffusion --weights FOLDER" in bare.stdout), bare
    missing = cli("engines", "check", "diffusion", **names)
    assert (1, True) == (missing.returncode, "needs weights" in missing.stdout)

    added = answer(cli("engines", "add", "diffusion", "--weights", str(tiny), "--json", **names))
    assert ("installed", str(tiny.resolve())) == (added["state"], added["model"])
    assert "diffusion/inpaint" in added["offers"]
    checked = cli("engines", "check", "diffusion", **names)
    assert (0, True) == (checked.returncode, "works" in checked.stdout), checked.stdout + checked.stderr


def test_a_wrong_folder_is_one_clear_error(cli: Cli, data_dir: Path, tmp_path: Path, tiny: Path) -> None:
    """It says what is missing and what to do, and the model of before stays."""
    names = {"VERMILION_DATA_DIR": str(data_dir)}
    assert 0 == cli("engines", "add", "diffusion", "--weights", str(tiny), **names).returncode
    lame = tmp_path / "lame"
    shutil.copytree(tiny, lame)
    shutil.rmtree(lame / "vae_decoder")
    refused = cli("engines", "add", "diffusion", "--weights", str(lame), **names)
    assert 1 == refused.returncode
    assert "vae_decoder/config.json" in refused.stderr
    assert "and 0 more" not in refused.stderr
    assert "Traceback" not in refused.stderr
    [shown] = [
        pack
        for pack in answer(cli("engines", "list", "--json", **names))["packs"]
        if pack["name"] == "diffusion"
    ]
    assert str(tiny.resolve()) == shown["model"]
    unasked = cli("engines", "add", "voice", "--weights", str(tiny), **names)
    assert "brings its own weights" in unasked.stderr


async def test_a_model_is_fetched_from_the_hub(cli: Cli, data_dir: Path, tmp_path: Path, tiny: Path) -> None:
    """By the hub's own client; what cannot be run is refused by the names of its files, and nothing large is loaded."""
    hub = Hub(tmp_path / "hub")
    shutil.copytree(tiny, hub.root / "someone" / "tiny")
    wrong = hub.root / "someone" / "torch"
    shutil.copytree(tiny, wrong)
    (wrong / "unet" / "openvino_model.xml").rename(wrong / "unet" / "diffusion_pytorch_model.safetensors")

    def add(model: str, endpoint: str) -> tuple[int, str]:
        names = {
            "VERMILION_DATA_DIR": str(data_dir),
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "hf"),
        }
        done = cli("engines", "add", "diffusion", "--weights", model, **names)
        return done.returncode, done.stdout + done.stderr

    async with serving(hub) as endpoint:
        code, said = await asyncio.to_thread(add, "someone/torch", endpoint)
        assert (1, True) == (code, "optimum-cli export openvino" in said), said
        assert ["model_index.json"] == hub.loaded
        code, said = await asyncio.to_thread(add, "someone/nobody", endpoint)
        assert (1, True) == (code, "could not be fetched from the hub" in said), said
        assert "Traceback" not in said
        code, said = await asyncio.to_thread(add, "someone/tiny", endpoint)
        assert (0, True) == (code, "diffusion is installed" in said), said
    model = (data_dir / "packs" / "diffusion.weights").resolve()
    assert "someone--tiny" == model.name
    assert (tiny / "unet" / "openvino_model.bin").read_bytes() == (
        model / "unet" / "openvino_model.bin"
    ).read_bytes()
