"""What a folder must hold to be a model that OpenVINO GenAI runs, told before anything is loaded.

The format is a pipeline as diffusers lays it out, each network as OpenVINO IR: `optimum-cli export openvino` writes
it, and the hub has many models in it. IR is a graph and numbers; nothing in such a folder is code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from vermilion.engines.contract import EngineUnavailable
from vermilion.engines.packs.install import InstallFailed
from vermilion.engines.packs.weights import check_files

INDEX = "model_index.json"
_IR = ("openvino_model.xml", "openvino_model.bin")
_TOKENIZER = ("openvino_tokenizer.xml", "openvino_tokenizer.bin")
_PICKLES = frozenset({".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
_CONVERT = (
    "optimum-cli export openvino --model MODEL FOLDER "
    '(pip install "optimum-intel[openvino,diffusers]" brings it)'
)
#: Kinds that end in few steps without guidance; nothing but the name tells them from those that they were made of.
_DISTILLED = ("turbo", "lightning", "schnell", "hyper", "lcm", "latentconsistency")


class Kind(msgspec.Struct, frozen=True):
    """What OpenVINO GenAI does with one class of pipelines."""

    network: str  #: the folder of the network that takes the noise away
    inpaints: bool = True
    shares: bool = (
        False  #: whether ways to use a model can share its networks; where not, the process dies of it
    )
    negative_prompt: bool = True
    steps: int = 25
    guidance: float = 7.5
    encoders: int = 1  #: how many text encoders it has at least


KINDS: Mapping[str, Kind] = {
    "StableDiffusionPipeline": Kind("unet", shares=True),
    "StableDiffusionXLPipeline": Kind("unet", shares=True, guidance=6.0, encoders=2),
    "LatentConsistencyModelPipeline": Kind("unet", shares=True, steps=4, guidance=8.5, negative_prompt=False),
    "StableDiffusion3Pipeline": Kind("transformer", guidance=4.5, encoders=2),
    "FluxPipeline": Kind("transformer", encoders=2, guidance=3.5, negative_prompt=False),
    "Flux2KleinPipeline": Kind("transformer", inpaints=False, negative_prompt=False, steps=4, guidance=1.0),
    "QwenImagePipeline": Kind("transformer", inpaints=False, guidance=4.0),
    "ZImagePipeline": Kind("transformer", inpaints=False, steps=9, guidance=0.0),
}
PIXELS_OF_TRANSFORMERS = 1024


class Layout(msgspec.Struct, frozen=True):
    """A model that can be run: its name for people, its class, and how it is best asked."""

    name: str
    pipeline: str
    kind: Kind
    pixels: int  #: the longest side that it was trained on
    steps: int
    guidance: float


def check_layout(names: Iterable[str], read: Callable[[str], bytes]) -> None:
    """Whether files of these relative names make a model. `read(name)` gives a small file. Raises InstallFailed."""
    present = {name for name in names if not name.startswith(".")}
    _no_pickles(present)
    if INDEX not in present:
        raise _without_index(present)
    index = _json(read(INDEX), INDEX)
    kind = _kind(index)
    for part in (kind.network, "vae", "text_encoder", *(("text_encoder_2",) if kind.encoders > 1 else ())):
        if not _is_part(index.get(part)):
            raise InstallFailed(f"{INDEX} names no {part}", "bring the one that the model was published with")
    missing = sorted(_needed(index, kind) - present)
    if missing and any(name.endswith(".safetensors") for name in present):
        raise InstallFailed(
            "the networks are PyTorch's safetensors, not OpenVINO's format", f"convert it: {_CONVERT}"
        )
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InstallFailed(
            f"{', '.join(missing[:3])}{more} is missing", "copy the whole folder of the model"
        )


def layout_of(folder: Path) -> Layout:
    """The model in this folder. Raises EngineUnavailable saying what is wrong with it."""
    try:
        check_files(folder, check_layout)
        index = _json((folder / INDEX).read_bytes(), INDEX)
        pixels = _pixels(folder, KINDS[index["_class_name"]])
    except (InstallFailed, OSError) as wrong:
        raise EngineUnavailable(f"the diffusion model {name_of(folder)} cannot be run: {wrong}") from None
    pipeline = str(index["_class_name"])
    kind = KINDS[pipeline]
    name = name_of(folder)
    plain = f"{name} {pipeline}".lower().replace("_", "")
    distilled = any(word in plain for word in _DISTILLED)
    steps = min(kind.steps, 4) if distilled else kind.steps
    guidance = 0.0 if distilled and kind.negative_prompt else kind.guidance
    return Layout(name, pipeline, kind, pixels, steps, guidance)


def name_of(folder: Path) -> str:
    """The model's name for people, who need not know where it lies."""
    return folder.name.replace("--", "/")


def _no_pickles(present: set[str]) -> None:
    """Pickles are programs. A .bin is one, unless it holds the numbers of a network of OpenVINO's beside it."""
    found = sorted(
        name for name in present
        if PurePosixPath(name).suffix.lower() in _PICKLES
        or (name.endswith(".bin") and not PurePosixPath(name).name.startswith("openvino_"))
    )  # fmt: skip
    if found:
        raise InstallFailed(
            f"{found[0]} is a pickle, which can run code as it is loaded; those are refused",
            f"bring the model in OpenVINO's format: {_CONVERT}",
        )


def _without_index(present: set[str]) -> InstallFailed:
    single = sorted(name for name in present if name.endswith((".safetensors", ".gguf")))
    if single:
        return InstallFailed(
            f"{single[0]} is a single file, not a model in OpenVINO's format", f"convert it: {_CONVERT}"
        )
    return InstallFailed(
        f"there is no {INDEX}, so it is not the folder of a diffusion model",
        "name the folder that model_index.json is in",
    )


def _kind(index: Mapping[str, Any]) -> Kind:
    pipeline = str(index.get("_class_name"))
    if pipeline not in KINDS:
        raise InstallFailed(f"a {pipeline} cannot be run here", f"bring one of: {', '.join(KINDS)}")
    return KINDS[pipeline]


def _needed(index: Mapping[str, Any], kind: Kind) -> set[str]:
    """The files that a model of this kind is loaded from; the index names its text encoders."""
    encoders = sorted(name for name, of in index.items() if name.startswith("text_encoder") and _is_part(of))
    networks = [kind.network, "vae_decoder", "vae_encoder", *encoders]
    tokenizers = [name.replace("text_encoder", "tokenizer") for name in encoders]
    files = {f"{network}/{file}" for network in networks for file in ("config.json", *_IR)}
    files |= {f"{tokenizer}/{file}" for tokenizer in tokenizers for file in _TOKENIZER}
    return files | {"scheduler/scheduler_config.json"}


def _is_part(of: Any) -> bool:
    """The index writes [null, null] for a part that a model does without."""
    return isinstance(of, list) and len(of) == 2 and isinstance(of[1], str)


def _pixels(folder: Path, kind: Kind) -> int:
    """The longest side that the network was trained on, as far as its configuration tells."""
    if kind.network != "unet":
        return PIXELS_OF_TRANSFORMERS
    latent = _json((folder / "unet" / "config.json").read_bytes(), "unet/config.json").get("sample_size")
    blocks = _json((folder / "vae_decoder" / "config.json").read_bytes(), "vae_decoder/config.json")
    scale = 2 ** (len(blocks.get("block_out_channels", "1234")) - 1)
    return latent * scale if isinstance(latent, int) else 512


def _json(text: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InstallFailed(f"{name} is not JSON", "copy the whole folder of the model anew")
    return found
