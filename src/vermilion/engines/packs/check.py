"""Shows that an installed pack works: every file is what was installed, and its engine does a small job in a worker."""

from __future__ import annotations

import tempfile
import wave
from pathlib import Path

from PIL import Image

from vermilion.engines.contract import EngineError
from vermilion.engines.packs.description import Pack, Probe
from vermilion.engines.packs.shelf import Shelf, State, advice
from vermilion.engines.pool import EnginePool

PROBE_TIMEOUT_S = 300.0
SAMPLE_SECONDS = 1


async def fault_of(shelf: Shelf, pack: Pack, *, memory_bytes_max: int) -> str | None:
    """What is wrong with an installed pack, or None; tells what to type."""
    state = shelf.state(pack)
    if state != State.INSTALLED:
        return f"is {state}; {advice(pack, state)}"
    if altered := shelf.altered(pack):
        return f"{altered[0]} is not what was installed; {advice(pack, State.BROKEN)}"
    with tempfile.TemporaryDirectory(prefix="vermilion-check-") as folder:
        work = Path(folder)
        pool = EnginePool(1, memory_bytes_max, PROBE_TIMEOUT_S, scratch_parent=work, shelf=shelf)
        return await _broken(pool, pack, work)


async def _broken(pool: EnginePool, pack: Pack, folder: Path) -> str | None:
    await pool.start()
    try:
        files = _sample(pack.probe, folder)
        result = await pool.run(
            pack.probe.engine, pack.probe.params, files, on_progress=lambda _percent, _text: None
        )
        await pool.discard(result)
    except EngineError as broken:
        return f"its engine does not work: {broken}"
    finally:
        await pool.close()
    return None


def _sample(probe: Probe, folder: Path) -> dict[str, Path]:
    """A plain picture, or a second of silence."""
    if probe.file is None:
        return {}
    path = folder / f"sample-{probe.sample}"
    if probe.sample == "picture":
        Image.new("RGB", (96, 64), "teal").save(path, "PNG")
    else:
        with wave.open(str(path), "wb") as silence:
            silence.setparams((1, 2, 16_000, 0, "NONE", ""))
            silence.writeframes(bytes(2 * 16_000 * SAMPLE_SECONDS))
    return {probe.file: path}
