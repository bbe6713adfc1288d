"""Draws the contact sheets of docs/pictures, always the same: 24 prompts, and every follow-up of one of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageFont

from vermilion.engines.composer.engine import compose
from vermilion.engines.contract import EngineJob, EngineResult
from vermilion.engines.weights import sample_path

DOCS = Path(__file__).resolve().parents[1] / "docs"
TILE = 340
QUALITY = 80
PROMPTS = (
    ("a red fox in a snowy forest at sunrise", 7),
    ("zwei Segelboote auf dem Meer bei Sonnenuntergang", 3),
    ("un ours près d'un lac de montagne à l'aube", 12),
    ("a robot in a rainy city street at night", 5),
    ("三只企鹅和一个雪人 极光", 4),
    ("un faro y una ballena en el mar, tormenta", 9),
    ("um elefante com um balão vermelho no deserto, entardecer", 2),
    ("un drago sopra un castello in montagna, tramonto", 6),
    ("рыжий кот под деревом у озера, золотой час", 8),
    ("夕焼けの海とヨット", 5),
    ("🦁🌳🌅", 10),
    ("a wizard in an enchanted forest with fireflies", 3),
    ("an astronaut riding a horse on mars", 5),
    ("rocket between planets in outer space", 6),
    ("tropical fish and a turtle under the sea", 13),
    ("a black cat and a lamp in a cozy living room", 4),
    ("three ducks on a pond, rainbow", 12),
    ("camels in the desert at golden hour", 10),
    ("a king and a queen in front of a castle, fireworks", 11),
    ("yellow taxi in the city at dusk", 13),
    ("a unicorn in a flower meadow, dreamy pink morning", 4),
    ("a sailboat on a lake under the full moon --style starry-night", 6),
    ("a lion on a hill at sunset --style oil-portrait", 5),
    ("a ship in a storm --style wave-print", 9),
)
PARENT = ("a fox and a castle by a mountain lake at golden hour", 3)


def main() -> None:
    """Both sheets, the first picture alone, and the page that says what they show."""
    with tempfile.TemporaryDirectory(prefix="vermilion-gallery-") as folder:
        studio = Studio(Path(folder))
        pictures = [studio.picture(prompt, seed) for prompt, seed in PROMPTS]
        _save(pictures[0], "fox.webp")
        _save(_sheet([(picture, "") for picture in pictures], 6), "prompts.webp")
        _save(_sheet(_follow_ups(studio), 5), "follow-ups.webp")
    (DOCS / "gallery.md").write_text(_page(), encoding="utf-8")


class Studio:
    """Calls the composer as the local provider does, each time into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = 0

    def run(
        self,
        operation: str,
        parent: EngineResult | None = None,
        files: Mapping[str, Path] | None = None,
        **wish: Any,
    ) -> EngineResult:
        """The result of one operation."""
        self._calls += 1
        out_dir = self._folder / str(self._calls)
        out_dir.mkdir()
        given = dict(files or {})
        if parent is not None:
            wish["parent"] = {**parent.facts, **parent.kept}
            given |= {f"parent/{number}": file.path for number, file in enumerate(parent.files)}
        params = {"operation": operation, "seed": 21, **wish}
        return compose(EngineJob(params, given, out_dir, lambda percent, text: None))

    def picture(self, prompt: str, seed: int) -> Image.Image:
        """The first picture of a prompt."""
        return opened(self.run("text-to-image", prompt=prompt, seed=seed, size=600))


def opened(result: EngineResult, number: int = 0) -> Image.Image:
    """A file of a result; of a film, a frame two thirds in."""
    path = result.files[number].path
    if path.suffix == ".webm":
        with av.open(str(path)) as film:
            frames = list(film.decode(video=0))
            return frames[len(frames) * 2 // 3].to_image()
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _follow_ups(studio: Studio) -> list[tuple[Image.Image, str]]:
    prompt, seed = PARENT
    parent = studio.run("text-to-image", prompt=prompt, seed=seed, size=600)
    other = studio.run("text-to-image", prompt="two penguins in the snow under the aurora", seed=5, size=600)
    mask = studio._folder / "mask.png"
    _mask().save(mask)
    photograph = sample_path("astronaut.png")
    panned = studio.run("pan", parent, direction="left")
    night = "a bear and a castle by a mountain lake at night"
    both = {"images/0": parent.files[0].path, "images/1": other.files[0].path}
    wide = studio.run("outpaint", files={"image": photograph}, left=140, right=140, top=80)
    lunar = studio.run(
        "image-to-image", files={"image": photograph}, prompt="on the moon with a robot", size=600
    )
    made = [
        ("the picture", parent),
        ("variation, subtle", studio.run("variation", parent, strength="subtle")),
        ("variation, strong", studio.run("variation", parent, strength="strong")),
        ("reroll, grid of four", studio.run("reroll", parent, grid=True)),
        ("remix: a bear, at night", studio.run("remix", parent, prompt=night, strength="subtle")),
        ("zoom out 2x", studio.run("zoom-out", parent, factor=2)),
        ("pan right: a rabbit", studio.run("pan", parent, direction="right", prompt="a rabbit")),
        ("pan up", studio.run("pan", parent, direction="up")),
        ("make square, of a pan", studio.run("make-square", panned)),
        ("upscale, a part", studio.run("upscale", parent, scale=2)),
        ("inpaint: a panda", studio.run("inpaint", parent, {"mask": mask}, prompt="a panda")),
        ("outpaint a photograph", wide),
        ("photograph, on the moon with a robot", lunar),
        ("blend with penguins", studio.run("blend", files=both, size=600)),
        ("film, two thirds in", studio.run("video", parent, seconds=3, fps=16, size=600, motion="zoom-in")),
    ]
    pictures = [(opened(result), label) for label, result in made]
    large = pictures[9][0]
    quarter = (large.width // 4, large.height // 4, large.width * 3 // 4, large.height * 3 // 4)
    pictures[9] = (large.crop(quarter), made[9][0])
    return pictures


def _mask() -> Image.Image:
    picture = Image.new("L", (600, 600))
    ImageDraw.Draw(picture).rectangle((250, 300, 480, 585), fill=255)
    return picture


def _sheet(pictures: list[tuple[Image.Image, str]], columns: int) -> Image.Image:
    labelled = any(label for _, label in pictures)
    high = TILE + (26 if labelled else 0)
    whole = Image.new("RGB", (columns * TILE, -(-len(pictures) // columns) * high), (24, 24, 28))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(15)
    for number, (picture, label) in enumerate(pictures):
        x, y = number % columns * TILE, number // columns * high
        small = picture.copy()
        small.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
        whole.paste(small, (x + (TILE - small.width) // 2, y + (TILE - small.height) // 2))
        draw.text((x + 8, y + TILE + 3), label, fill=(225, 225, 230), font=font)
    return whole


def _save(sheet: Image.Image, name: str) -> None:
    path = DOCS / "pictures" / name
    sheet.save(path, "WEBP", quality=QUALITY, method=6)
    print(f"{path.relative_to(DOCS.parent)}: {path.stat().st_size // 1000} kB")


def _page() -> str:
    prompts = "\n".join(
        f"{number}. `{prompt}` (seed {seed})" for number, (prompt, seed) in enumerate(PROMPTS, start=1)
    )
    return f"""# What the composer makes

Everything here was made on this machine by `make gallery`, which draws it again.
The composer is a scene composer with neural styles, not a diffusion model.

## 24 prompts

![24 pictures, six in a row](pictures/prompts.webp)

Row by row:

{prompts}

## Every follow-up

The parent is `{PARENT[0]}` (seed {PARENT[1]}).
The photograph is NASA's portrait of Eileen Collins, which is in the public domain.

![The parent and fourteen follow-ups of it, five in a row](pictures/follow-ups.webp)
"""


if __name__ == "__main__":
    main()
