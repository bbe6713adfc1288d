"""A short film: the camera moves through the depth of a scene, or of any picture whose main thing is cut out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import msgspec
import numpy as np
from PIL import Image, ImageFilter

from vermilion.engines.composer.fill import filled
from vermilion.engines.composer.render.picture import sheets_of
from vermilion.engines.composer.render.view import View
from vermilion.engines.composer.saving import METHOD
from vermilion.engines.composer.scene.graph import Camera, Scene
from vermilion.engines.composer.sources import source_of
from vermilion.engines.composer.subjects import subject_of
from vermilion.engines.composer.wishes import Wish, read
from vermilion.engines.contract import EngineFile, EngineJob, EngineResult

MARGIN = 0.14  #: of the world around the picture, into which the camera may look
_CODECS = {"vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "crf": "30", "b": "0"}),
           "av1": ("libsvtav1", {"preset": "10", "crf": "34"})}  # fmt: skip


class Layer(msgspec.Struct, frozen=True):
    """A transparent picture and how near it is: 0 is endlessly far, 1 as near as the main thing."""

    picture: Image.Image
    depth: float


class Move(msgspec.Struct, frozen=True):
    """Where the camera is at a moment: shifts are shares of the picture's width and height for the nearest layer."""

    across: float
    down: float
    closer: float


def video(job: EngineJob) -> EngineResult:
    """WebM without sound; progress is told for each frame."""
    wish = read(job)
    source = source_of(job, wish)
    longest = min(1280, wish.size if "size" in job.params else 720)
    scale = longest / max(source.flat.size)
    width, height = (max(16, round(side * scale) // 2 * 2) for side in source.flat.size)
    job.report(3, "painting the layers")
    if source.scene is not None and source.scene.style is None:
        layers = _of_scene(source.scene, width, height)
    else:
        layers = _of_picture(source.flat, width, height)
    job.report(15, "filming")
    path = job.out_dir / "film.webm"
    _film(job, wish, layers, (width, height))
    facts = {"method": METHOD, "motion": wish.motion, "seconds": wish.seconds, "layers": len(layers)}
    return EngineResult((EngineFile(path.name, path, "video/webm", width, height),), facts)


def _of_scene(scene: Scene, width: int, height: int) -> list[Layer]:
    """The sheets of a wider view; the nearest things come last."""
    seen = scene.camera
    camera = Camera(
        seen.x - MARGIN * seen.width,
        seen.y - MARGIN * seen.height,
        seen.width * (1 + 2 * MARGIN),
        seen.height * (1 + 2 * MARGIN),
    )
    view = sheets_of(scene, (round(width * (1 + 2 * MARGIN)), round(height * (1 + 2 * MARGIN))), camera)
    layers = []
    for sheet in view.sheets:
        toned = _toned(view, sheet.colour)
        if sheet.alpha is None:
            layers.append(Layer(Image.fromarray(toned).convert("RGBA"), sheet.depth))
        else:
            alpha = (np.clip(sheet.alpha, 0, 1) * 255).astype(np.uint8)
            layers.append(Layer(Image.fromarray(np.dstack([toned, alpha]), "RGBA"), sheet.depth))
    return layers


def _toned(view: View, colour: Any) -> Any:
    """The contrast and colour that the still picture gets."""
    share = np.clip(colour / 255, 0, 1)
    share = share + 0.16 * share * (1 - share) * (2 * share - 1)
    grey = share.mean(axis=-1, keepdims=True)
    return np.clip((grey + (share - grey) * 1.1) * 255, 0, 255).astype(np.uint8)


def _of_picture(flat: Image.Image, width: int, height: int) -> list[Layer]:
    """The ground behind the main thing is filled from around it."""
    small = flat.resize((width, height), Image.Resampling.LANCZOS)
    subject = subject_of(small)
    edge = round(width * MARGIN), round(height * MARGIN)
    if subject is None:
        return [Layer(_padded(small.convert("RGBA"), edge), 0.5)]
    mask = subject.getchannel("A").filter(ImageFilter.MaxFilter(9))
    behind = filled(small, mask).convert("RGBA")
    ground = Image.new("RGBA", (width + 2 * edge[0], height + 2 * edge[1]))
    ground.paste(subject, edge)
    return [Layer(_padded(behind, edge), 0.3), Layer(ground, 1.0)]


def _padded(picture: Image.Image, edge: tuple[int, int]) -> Image.Image:
    pixels = np.pad(np.asarray(picture), ((edge[1], edge[1]), (edge[0], edge[0]), (0, 0)), mode="symmetric")
    return Image.fromarray(pixels, "RGBA")


def _moves(wish: Wish) -> Iterator[Move]:
    """Gently begun and gently ended."""
    frames = wish.seconds * wish.fps
    for number in range(frames):
        share = number / max(1, frames - 1)
        eased = share * share * (3 - 2 * share)
        swing = 2 * eased - 1
        match wish.motion:
            case "zoom-in":
                yield Move(0, 0, eased)
            case "zoom-out":
                yield Move(0, 0, 1 - eased)
            case "left":
                yield Move(swing, 0, 0.25)
            case "right":
                yield Move(-swing, 0, 0.25)
            case "up":
                yield Move(0, swing, 0.25)
            case _:
                turn = 2 * math.pi * share
                yield Move(
                    math.sin(turn) * 0.9, (1 - math.cos(turn)) * 0.22, 0.3 + 0.25 * math.sin(turn / 2) ** 2
                )


def _frame(layers: list[Layer], move: Move, size: tuple[int, int]) -> Image.Image:
    """Every layer shifted and grown by its own depth."""
    whole: Image.Image | None = None
    for layer in layers:
        near = 0.12 + 0.88 * layer.depth
        grown = 1 + 0.17 * move.closer * near
        wide, high = size[0] / grown, size[1] / grown
        left = (layer.picture.width - wide) / 2 + move.across * size[0] * 0.075 * near
        top = (layer.picture.height - high) * (0.5 + 0.06 * move.closer * near) + move.down * size[
            1
        ] * 0.05 * near
        data = (wide / size[0], 0, left, 0, high / size[1], top)
        moved = layer.picture.transform(size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
        whole = moved if whole is None else Image.alpha_composite(whole, moved)
    assert whole is not None  # there is a layer at least
    return whole.convert("RGB")


def _film(job: EngineJob, wish: Wish, layers: list[Layer], size: tuple[int, int]) -> None:
    codec, options = _CODECS[wish.codec]
    frames = wish.seconds * wish.fps
    with av.open(str(job.out_dir / "film.webm"), "w") as container:
        container.metadata["comment"] = METHOD
        stream: Any = container.add_stream(codec, rate=Fraction(wish.fps), options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, move in enumerate(_moves(wish)):
            frame = _frame(layers, move, size)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame))))
            job.report(15 + 83 * (number + 1) // frames, f"filming: frame {number + 1} of {frames}")
        container.mux(stream.encode())
