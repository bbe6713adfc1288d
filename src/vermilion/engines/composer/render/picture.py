"""A scene as a picture of any size."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from vermilion.engines.composer.render.actors import paint_things
from vermilion.engines.composer.render.finish import developed, paint_weather, soften_distance
from vermilion.engines.composer.render.land import paint_land
from vermilion.engines.composer.render.sky import paint_sky
from vermilion.engines.composer.render.view import View, as_image
from vermilion.engines.composer.scene.graph import Camera, Scene
from vermilion.engines.restyle import repainted
from vermilion.engines.span import enlarged

STEPS: tuple[tuple[str, Callable[[View], None], float], ...] = (
    ("sky and light", paint_sky, 0.2),
    ("land", paint_land, 0.45),
    ("distance", soften_distance, 0.5),
    ("things", paint_things, 0.8),
    ("weather", paint_weather, 0.9),
)
STYLE_STRENGTH = 0.82  #: beyond it, many styles leave little of what is shown
PAINTED_PIXELS_MAX = 5_000_000
OnStep = Callable[[float, str], None]


def render(scene: Scene, size: tuple[int, int], on_step: OnStep) -> Image.Image:
    """The scene in so many pixels; `on_step` hears the share that is done, and of what.

    What is larger than a worker's memory allows is painted at half the size and enlarged by the network.
    """
    if size[0] * size[1] > PAINTED_PIXELS_MAX:
        half = -(-size[0] // 2), -(-size[1] // 2)
        small = render(scene, half, lambda share, text: on_step(share * 0.4, text))
        large = enlarged(small, 2, lambda share: on_step(0.4 + 0.6 * share, "adding detail"))
        return large.crop((0, 0, *size))
    view = View(scene, scene.camera, *size)
    share = 0.45 if scene.style else 1.0
    for name, painter, done in STEPS:
        painter(view)
        on_step(done * share, name)
    picture = as_image(developed(view), scene.seed & 0xFFFF_FFFF)
    if scene.style:
        picture = repainted(
            picture,
            scene.style,
            strength=STYLE_STRENGTH,
            on_share=lambda part: on_step(share + part * (1 - share), "style"),
        )
    return picture


def sheets_of(scene: Scene, size: tuple[int, int], camera: Camera) -> View:
    """The scene painted on sheets by depth, for a camera that moves."""
    view = View(scene, camera, *size, keeps_sheets=True)
    for _, painter, _ in STEPS:
        painter(view)
    return view
