"""Makes tiny diffusion models of random weights in OpenVINO's format; run with the pack's packages on its path.

Its networks have the inputs, outputs and shapes of real ones, so that the real runtime loads and runs it: letters
steer the text encoder, that steers the noise, and the autoencoder makes eight pixels of each latent.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op
from openvino_tokenizers.build_tokenizer import build_rwkv_tokenizer

WIDTH = 16
LATENTS = 4
TOKENS = 77
VAE = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": LATENTS,
    "scaling_factor": 0.18215,
    "block_out_channels": [8, 8, 8, 8],
}
SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "clip_sample": False,
}
FLOW = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "num_train_timesteps": 1000,
    "shift": 3.0,
    "use_dynamic_shifting": True,
}
CLIP = {"max_position_embeddings": TOKENS, "hidden_size": WIDTH, "num_hidden_layers": 2}
UNET = {"in_channels": LATENTS, "sample_size": 16, "time_cond_proj_dim": None}
GUIDANCE = 256  #: numbers that tell a network of the guidance
PACKED = 4 * LATENTS  #: Flux takes four latents as one
INDEX = {"text_encoder": "CLIPTextModel", "tokenizer": "CLIPTokenizer", "vae": "AutoencoderKL"}
_chance = np.random.default_rng(7)


def main(folder: Path, kind: str) -> None:
    """Write the whole model into `folder`."""
    make = {"sd": stable, "sdxl": stable_xl, "lcm": consistent, "flux": flux}[kind]
    make(folder)
    for part in ("vae_decoder", "vae_encoder"):
        save(folder / part, vae_decoder() if part == "vae_decoder" else vae_encoder(), VAE)


def stable(folder: Path) -> None:
    """Stable Diffusion 1."""
    describe(folder, "StableDiffusionPipeline", SCHEDULER, unet="UNet2DConditionModel")
    tokenize(folder, "tokenizer")
    save(folder / "text_encoder", text_encoder(), CLIP)
    save(folder / "unet", unet(WIDTH), UNET)


def stable_xl(folder: Path) -> None:
    """SDXL: two text encoders, whose vectors are put side by side, and the picture's size."""
    parts = {"unet": "UNet2DConditionModel", "text_encoder_2": "CLIPTextModelWithProjection"}
    describe(folder, "StableDiffusionXLPipeline", SCHEDULER, **parts)
    tokenize(folder, "tokenizer", "tokenizer_2")
    save(folder / "text_encoder", text_encoder(layers=3), CLIP)
    save(
        folder / "text_encoder_2",
        text_encoder(layers=3, pooled_first=True),
        {**CLIP, "projection_dim": WIDTH},
    )
    save(folder / "unet", unet(2 * WIDTH, sized=True), UNET)


def consistent(folder: Path) -> None:
    """A latent consistency model: few steps, and the guidance is given to the network."""
    few = {"_class_name": "LCMScheduler", "original_inference_steps": 50, "timestep_scaling": 10.0}
    few |= {"steps_offset": 0, "set_alpha_to_one": True, "thresholding": False}
    describe(folder, "LatentConsistencyModelPipeline", SCHEDULER | few, unet="UNet2DConditionModel")
    tokenize(folder, "tokenizer")
    save(folder / "text_encoder", text_encoder(), CLIP)
    save(folder / "unet", unet(WIDTH, guided=True), {**UNET, "time_cond_proj_dim": GUIDANCE})


def flux(folder: Path) -> None:
    """Flux: a transformer over packed latents, the words of one encoder and the gist of another."""
    parts = {"transformer": "FluxTransformer2DModel", "text_encoder_2": "T5EncoderModel"}
    describe(folder, "FluxPipeline", FLOW, **parts)
    tokenize(folder, "tokenizer", "tokenizer_2")
    save(folder / "text_encoder", text_encoder(layers=3), CLIP)
    save(folder / "text_encoder_2", text_encoder(), {"d_model": WIDTH})
    config = {"in_channels": PACKED, "guidance_embeds": True, "joint_attention_dim": WIDTH}
    save(folder / "transformer", transformer(), config)


def describe(folder: Path, pipeline: str, scheduler: dict[str, Any], **parts: str) -> None:
    """What the runtime reads before any network."""
    (folder / "scheduler").mkdir(parents=True, exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    index = {"_class_name": pipeline, **{part: ["library", kind] for part, kind in (INDEX | parts).items()}}
    (folder / "model_index.json").write_text(json.dumps(index))


def tokenize(folder: Path, *names: str) -> None:
    """The same tokenizer under each name."""
    for name in names:
        (folder / name).mkdir()
        ov.save_model(tokenizer(), folder / name / "openvino_tokenizer.xml")


def tokenizer() -> ov.Model:
    """Every byte is a token; what is longer than real ones read is cut off."""
    vocabulary = [f"{number} {bytes([number])!r} 1" for number in range(256)]
    model, _ = build_rwkv_tokenizer(vocabulary)
    whole = model.results[0].input_value(0)
    whole.tensor.set_names(set())
    first, last, by, axis = (op.constant([number]) for number in (0, TOKENS, 1, 1))
    ids = op.slice(whole, first, last, by, axis)
    mask = op.convert(op.greater_equal(ids, op.constant(np.int64(0))), "i64")
    return ov.Model(
        [named(ids, "input_ids"), named(mask, "attention_mask")], model.get_parameters(), "tokenizer"
    )


def text_encoder(layers: int = 0, *, pooled_first: bool = False) -> ov.Model:
    """A vector for each token, a little of all others in it; with layers, also the text as one, and each layer's."""
    ids = named(op.parameter([-1, -1], np.int64), "input_ids")
    known = op.gather(weight(256, WIDTH, scale=1.0), ids, op.constant(0))
    seen = op.add(known, op.reduce_mean(known, op.constant([1]), keep_dims=True))
    made = [named(seen, "last_hidden_state")]
    if layers:
        pooled = named(
            op.reduce_mean(seen, op.constant([1])), "text_embeds" if pooled_first else "pooler_output"
        )
        made = [pooled, *made] if pooled_first else [*made, pooled]
        made += [
            named(op.multiply(seen, number(1 + depth / 8)), f"hidden_states.{depth}")
            for depth in range(layers)
        ]
    return ov.Model(made, [ids], "text_encoder")


def unet(width: int, *, sized: bool = False, guided: bool = False) -> ov.Model:
    """The noise in a latent, by its neighbours, the time and the words; by their gist and the size; by guidance."""
    sample = named(op.parameter([-1, LATENTS, -1, -1], np.float32), "sample")
    time = named(op.parameter([-1], np.int64), "timestep")
    words = named(op.parameter([-1, -1, width], np.float32), "encoder_hidden_states")
    given, steered = [sample, time, words], projected(op.reduce_mean(words, op.constant([1])), width, 8)
    if sized:
        gist = named(op.parameter([-1, WIDTH], np.float32), "text_embeds")
        size = named(op.parameter([-1, 6], np.float32), "time_ids")
        steered = op.add(steered, projected(gist, WIDTH, 8))
        steered = op.add(steered, op.multiply(projected(size, 6, 8), number(1e-3)))
        given += [gist, size]
    if guided:
        given.append(named(op.parameter([-1, GUIDANCE], np.float32), "timestep_cond"))
        steered = op.add(steered, projected(given[-1], GUIDANCE, 8))
    inner = op.add(conv(sample, LATENTS, 8), op.unsqueeze(steered, op.constant([2, 3])))
    late = op.multiply(op.reduce_mean(op.convert(time, "f32"), op.constant([0])), number(1e-4))
    noise = op.add(conv(op.swish(inner), 8, LATENTS), op.multiply(sample, number(0.5)))
    return ov.Model([named(op.add(noise, late), "out_sample")], given, "unet")


def transformer() -> ov.Model:
    """The noise in packed latents, by the words, their gist, the time, the guidance and the places."""
    latents = named(op.parameter([-1, -1, PACKED], np.float32), "hidden_states")
    words = named(op.parameter([-1, -1, WIDTH], np.float32), "encoder_hidden_states")
    gist = named(op.parameter([-1, WIDTH], np.float32), "pooled_projections")
    single = [named(op.parameter([-1], np.float32), name) for name in ("timestep", "guidance")]
    places = [named(op.parameter([-1, 3], np.float32), name) for name in ("img_ids", "txt_ids")]
    steered = projected(op.add(op.reduce_mean(words, op.constant([1])), gist), WIDTH, PACKED)
    inner = op.add(projected(latents, PACKED, PACKED), op.unsqueeze(steered, op.constant(1)))
    rest = [op.reduce_mean(one, op.constant([0])) for one in single]
    rest += [op.reduce_mean(place, op.constant([0, 1])) for place in places]
    for one in rest:
        inner = op.add(inner, op.multiply(one, number(1e-3)))
    given = [latents, words, gist, *single, *places]
    return ov.Model([named(op.tanh(inner), "out_hidden_states")], given, "transformer")


def vae_decoder() -> ov.Model:
    """Eight times eight pixels of each latent."""
    latent = named(op.parameter([-1, LATENTS, -1, -1], np.float32), "latent_sample")
    inner = op.swish(conv(latent, LATENTS, 8))
    for _ in range(3):
        twice = op.constant(np.array([2, 2], np.float32))
        inner = op.interpolate(inner, twice, "nearest", "scales", axes=op.constant([2, 3]))
    return ov.Model([named(op.tanh(conv(inner, 8, 3)), "sample")], [latent], "vae_decoder")


def vae_encoder() -> ov.Model:
    """A mean and a spread for each latent."""
    picture = named(op.parameter([-1, 3, -1, -1], np.float32), "sample")
    inner = op.swish(conv(picture, 3, 8, stride=2))
    inner = op.swish(conv(inner, 8, 8, stride=2))
    moments = conv(inner, 8, 2 * LATENTS, stride=2)
    return ov.Model([named(moments, "latent_parameters")], [picture], "vae_encoder")


def projected(given: Any, into: int, out: int) -> Any:
    """Vectors of another width."""
    return op.matmul(given, weight(into, out), False, False)


def number(value: float) -> Any:
    """One number."""
    return op.constant(np.float32(value))


def conv(given: Any, into: int, out: int, stride: int = 1) -> Any:
    """A convolution of 3 times 3 that keeps the size, or halves it by its stride."""
    made = op.convolution(given, weight(out, into, 3, 3), [stride] * 2, [1, 1], [1, 1], [1, 1])
    return op.add(made, weight(1, out, 1, 1, scale=0.1))


def weight(*shape: int, scale: float | None = None) -> Any:
    """Random numbers, the same every time."""
    spread = scale or float(np.prod(shape[1:])) ** -0.5
    return op.constant((_chance.standard_normal(shape) * spread).astype(np.float32))


def named(node: Any, name: str) -> Any:
    """The node under the name by which the runtime asks for it."""
    node.output(0).tensor.set_names({name})
    node.friendly_name = name
    return node


def save(folder: Path, model: ov.Model, config: dict[str, Any]) -> None:
    """One part of the pipeline."""
    folder.mkdir()
    ov.save_model(model, folder / "openvino_model.xml")
    (folder / "config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
