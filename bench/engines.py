"""What engines make of an hour, and what they take: pictures a minute and peak memory of a worker, each on its own;
then how long `/healthz` takes while every worker of a whole gateway is busy, against the same gateway idle.
"""

from __future__ import annotations

import asyncio
import base64
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
import psutil
from PIL import Image

from bench import stack
from bench.customers import set_up_customers
from bench.report import InvalidMeasurement, print_table
from bench.stack import Options, Server
from vermilion.engines.pool import EnginePool
from vermilion.engines.weights import sample_path

MEMORY_BYTES_MAX = 3 * 2**30
TIMEOUT_S = 1800.0
HEALTH_REQUESTS = 2000
BUSY_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Sitting:
    """One engine at one kind of work; `runs` are timed after one that warms the worker up."""

    name: str
    engine: str
    params: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    runs: int = 3
    counts: int = 1  #: results of one run


async def run(options: Options) -> dict[str, Any]:
    """Every engine, then health under load; returns the figures."""
    with tempfile.TemporaryDirectory(prefix="vermilion-bench-engines-", dir=options.scratch) as name:
        folder = Path(name)
        figures = {sitting.name: await _sit(sitting, folder) for sitting in _sittings(folder)}
    _print(figures)
    return {"engines": figures, "health": await _health(options)}


def _sittings(folder: Path) -> list[Sitting]:
    picture, small, style = folder / "picture.png", folder / "small.png", folder / "style.png"
    with Image.open(sample_path("astronaut.png")) as opened:
        opened.convert("RGB").save(picture)
        opened.convert("RGB").resize((160, 160)).save(small)
        opened.convert("RGB").rotate(90).save(style)
    video = _video(folder / "video.mp4")
    scene = {"prompt": "two foxes under a tree beside a lake at sunset", "size": 512, "seed": 7}
    return [
        Sitting("composer, 512 px", "composer", scene),
        Sitting("composer in a style, 512 px", "composer", scene | {"style": "starry-night"}),
        Sitting("cutout, 512 px", "cutout", files={"image": picture}),
        Sitting(
            "cutout, a frame of video, 320 × 240", "cutout-video", files={"video": video}, runs=1, counts=12
        ),
        Sitting("upscaler twofold, 512 px", "upscale", {"scale": 2}, {"image": picture}),
        Sitting("upscaler fourfold, 512 px", "upscale", {"scale": 4}, {"image": picture}),
        Sitting("upscaler, high quality, 160 px", "upscale", {"quality": "high"}, {"image": small}, runs=1),
        Sitting("restyle by name, 512 px", "restyle", {"style": "starry-night"}, {"image": picture}),
        Sitting("restyle by picture, 512 px", "restyle", files={"image": picture, "style_image": style}),
        Sitting("convert to WebP, 512 px", "convert", {"format": "webp"}, {"image": picture}, runs=10),
        Sitting("describe, 512 px", "describe", files={"image": picture}),
        Sitting("music, 30 s", "music", {"prompt": "a happy pop song", "duration_s": 30, "seed": 7}),
        Sitting("inspect, 512 px", "inspect", files={"file": picture}, runs=10),
    ]


def _video(path: Path) -> Path:
    with Image.open(sample_path("astronaut.png")) as opened:
        whole = opened.convert("RGB")
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libvpx-vp9", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(12):
            picture = whole.crop((number * 3, 0, number * 3 + 440, 330)).resize((320, 240))
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 12)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


async def _sit(sitting: Sitting, folder: Path) -> dict[str, float]:
    """A worker of its own, so that its peak of memory is this engine's."""
    pool = EnginePool(1, MEMORY_BYTES_MAX, TIMEOUT_S, scratch_parent=folder)
    await pool.start()
    times_s = []
    try:
        for _ in range(sitting.runs + 1):
            start = time.perf_counter()
            result = await pool.run(
                sitting.engine, sitting.params, sitting.files, on_progress=lambda *_: None
            )
            times_s.append(time.perf_counter() - start)
            await pool.discard(result)
        peak_bytes = _peak_bytes(pool.worker_pids[0])
    finally:
        await pool.close()
    each_s = statistics.median(times_s[1:]) / sitting.counts
    return {"first_s": times_s[0], "each_s": each_s, "per_minute": 60 / each_s, "peak_bytes": peak_bytes}


def _peak_bytes(pid: int) -> int:
    """The kernel's own mark where it keeps one, else what is resident now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return int(psutil.Process(pid).memory_info().rss)
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _print(figures: dict[str, dict[str, float]]) -> None:
    head = ["engine, one worker, one thread", "a minute", "each, s", "first, s", "peak, MB"]
    rows = [
        [
            name,
            f"{made['per_minute']:.1f}",
            f"{made['each_s']:.2f}",
            f"{made['first_s']:.2f}",
            f"{made['peak_bytes'] / 1e6:.0f}",
        ]
        for name, made in figures.items()
    ]
    print_table("Engines", head, rows)


async def _health(options: Options) -> dict[str, Any]:
    """One client asks, one request after the other."""
    workers = os.cpu_count() or 1
    extra = {"VERMILION_ENGINE_WORKERS": str(workers)}
    async with (
        stack.postgres(options) as dsn,
        stack.gateway(dsn, options=options, role="all", extra=extra) as server,
    ):
        [customer] = await set_up_customers(server, 1)
        headers = {"authorization": f"Bearer {customer.key}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as session:
            idle_ms = await _ask(session)
            tasks = [await _occupy(session) for _ in range(workers)]
            await _all_busy(session, server, tasks)
            busy_ms = await _ask(session)
    _print_health(workers, idle_ms, busy_ms)
    return {"workers": workers, "idle_ms": idle_ms, "busy_ms": busy_ms}


async def _ask(session: aiohttp.ClientSession) -> dict[str, float]:
    times_s = []
    for _ in range(HEALTH_REQUESTS):
        start = time.perf_counter()
        async with session.get("/healthz") as answer:
            await answer.read()
        times_s.append(time.perf_counter() - start)
    cuts = statistics.quantiles(times_s, n=1000)
    return {"p50": cuts[499] * 1e3, "p99": cuts[989] * 1e3, "max": max(times_s) * 1e3}


async def _occupy(session: aiohttp.ClientSession) -> str:
    """Ask for minutes of work."""
    content = base64.b64encode(sample_path("astronaut.png").read_bytes()).decode()
    wish = {"image": f"data:;base64,{content}", "scale": 4, "quality": "high"}
    async with session.post(
        "/v1/tasks", json={"model": "upscaler", "task_type": "upscale", "input": wish}
    ) as answer:
        body = await answer.json()
    return str(body["id"])


async def _all_busy(session: aiohttp.ClientSession, server: Server, tasks: list[str]) -> None:
    async with asyncio.timeout(BUSY_TIMEOUT_S):
        for task in tasks:
            while True:
                async with session.get(f"/v1/tasks/{task}") as answer:
                    body = await answer.json()
                if body["status"] not in ("pending", "processing"):
                    raise InvalidMeasurement(f"{server.name}: the work that should last is {body['status']}")
                if (body["progress"] or 0) > 0:
                    break
                await asyncio.sleep(0.1)


def _print_health(workers: int, idle_ms: dict[str, float], busy_ms: dict[str, float]) -> None:
    rows = [
        [name, *(f"{figures[part]:.2f}" for part in ("p50", "p99", "max"))]
        for name, figures in (("idle", idle_ms), (f"{workers} workers busy", busy_ms))
    ]
    print_table("GET /healthz, one client, ms", ["gateway", "p50", "p99", "max"], rows)
    print(f"  p99 busy / idle: {busy_ms['p99'] / idle_ms['p99']:.1f}")
