"""Makes a tiny Stable Diffusion of random weights in OpenVINO's format; run with the pack's packages on its path.

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
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
_chance = np.random.default_rng(7)


def main(folder: Path) -> None:
    """Write the whole model into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(INDEX))
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (folder / "tokenizer").mkdir(exist_ok=True)
    ov.save_model(tokenizer(), folder / "tokenizer" / "openvino_tokenizer.xml")
    save(folder / "text_encoder", text_encoder(), {"max_position_embeddings": TOKENS, "hidden_size": WIDTH})
    save(folder / "unet", unet(), {"in_channels": LATENTS, "sample_size": 16, "time_cond_proj_dim": None})
    save(folder / "vae_decoder", vae_decoder(), VAE)
    save(folder / "vae_encoder", vae_encoder(), VAE)


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


def text_encoder() -> ov.Model:
    """A vector for each token, a little of all others in it."""
    ids = named(op.parameter([-1, -1], np.int64), "input_ids")
    known = op.gather(weight(256, WIDTH, scale=1.0), ids, op.constant(0))
    seen = op.add(known, op.reduce_mean(known, op.constant([1]), keep_dims=True))
    return ov.Model([named(seen, "last_hidden_state")], [ids], "text_encoder")


def unet() -> ov.Model:
    """The noise in a latent, by its neighbours, the time and the words."""
    sample = named(op.parameter([-1, LATENTS, -1, -1], np.float32), "sample")
    time = named(op.parameter([-1], np.int64), "timestep")
    words = named(op.parameter([-1, -1, WIDTH], np.float32), "encoder_hidden_states")
    steered = op.matmul(op.reduce_mean(words, op.constant([1])), weight(WIDTH, 8), False, False)
    inner = op.add(conv(sample, LATENTS, 8), op.unsqueeze(steered, op.constant([2, 3])))
    late = op.multiply(
        op.reduce_mean(op.convert(time, "f32"), op.constant([0])), op.constant(np.float32(1e-4))
    )
    noise = op.add(conv(op.swish(inner), 8, LATENTS), op.multiply(sample, op.constant(np.float32(0.5))))
    return ov.Model([named(op.add(noise, late), "out_sample")], [sample, time, words], "unet")


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
    folder.mkdir(exist_ok=True)
    ov.save_model(model, folder / "openvino_model.xml")
    (folder / "config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
