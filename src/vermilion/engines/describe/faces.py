"""Faces in a picture: where they are, never whose (CenterFace, Xu et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from vermilion.engines.describe.colours import Field
from vermilion.engines.networks import onnx_network

LOOKED_AT_PIXELS = 896  #: the longer side, as the network sees it
CERTAINTY_MIN = 0.6
FACES_MAX = 100
_STEP = 32  #: the network's sides are multiples of it
_CELL = 4  #: pixels of the picture for each cell of the answer, on either side
_OVERLAP_MAX = 0.3


@dataclass(frozen=True, slots=True)
class Face:
    """A box in pixels of the picture, and how sure the network is, 0 to 1."""

    left: int
    top: int
    width: int
    height: int
    certainty: float


def faces(flat: Image.Image) -> list[Face]:
    """The faces in an RGB picture, the surest first."""
    size = _looked_at(flat.size)
    pixels = np.asarray(flat.resize(size, Image.Resampling.BILINEAR), dtype=np.float32)
    network = onnx_network("centerface.onnx", _of_any_size)
    heat, scales, offsets, _ = network.run(
        None, {network.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]}
    )
    boxes, certainties = _boxes(heat[0, 0], scales[0], offsets[0])
    across, down = flat.width / size[0], flat.height / size[1]
    limits = np.array([flat.width, flat.height] * 2, dtype=np.float64)
    boxes = np.clip(boxes * (across, down, across, down), 0, limits)
    return [_face(box, certainty) for box, certainty in _apart(boxes, certainties)]


def _face(box: Field, certainty: float) -> Face:
    left, top, right, bottom = (round(float(side)) for side in box)
    return Face(left, top, right - left, bottom - top, round(certainty, 3))


def _looked_at(size: tuple[int, int]) -> tuple[int, int]:
    smaller = min(1.0, LOOKED_AT_PIXELS / max(size))
    width, height = (max(_STEP, round(side * smaller / _STEP) * _STEP) for side in size)
    return width, height


def _boxes(heat: Field, scales: Field, offsets: Field) -> tuple[Field, Field]:
    """(left, top, right, bottom) where the network saw the middle of a face, and how sure it was."""
    rows, columns = np.nonzero(heat > CERTAINTY_MIN)
    height, width = np.exp(scales[:, rows, columns]) * _CELL
    down = (rows + offsets[0, rows, columns] + 0.5) * _CELL
    across = (columns + offsets[1, rows, columns] + 0.5) * _CELL
    sides = (across - width / 2, down - height / 2, across + width / 2, down + height / 2)
    return np.stack(sides, axis=-1), heat[rows, columns]


def _apart(boxes: Field, certainties: Field) -> list[tuple[Field, float]]:
    """The surest box of each heap."""
    left = list(np.argsort(-certainties, kind="stable"))
    kept: list[tuple[Field, float]] = []
    while left and len(kept) < FACES_MAX:
        first = left.pop(0)
        kept.append((boxes[first], float(certainties[first])))
        left = [other for other in left if _overlap(boxes[first], boxes[other]) <= _OVERLAP_MAX]
    return kept


def _overlap(one: Field, other: Field) -> float:
    """What two boxes share of what they cover together."""
    sides = np.maximum(0, np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]))
    shared = float(sides[0] * sides[1])
    together = float(sum(np.prod(box[2:] - box[:2]) for box in (one, other))) - shared
    return shared / max(together, 1e-6)


def _of_any_size(network: bytes) -> bytes:
    """The network for pictures of any size, for its file was written for ten of 32 pixels."""
    return network.replace(_fixed(10, 3, 32, 32), _fixed(None, 3, None, None), 1)


def _fixed(*sides: int | None) -> bytes:
    """The sides of an input as ONNX writes them (`TensorShapeProto.Dimension`); None is any number."""
    return b"".join(bytes((10, 2, 18, 0) if side is None else (10, 2, 8, side)) for side in sides)
