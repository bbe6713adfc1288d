"""Uploads of sound and video: what they are is found by decoding them, within bounds."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.engines import footage
from tests.engines.conftest import RunEngine
from tests.engines.pictures import colour_at

from vermilion.engines import recordings
from vermilion.engines.contract import EngineRefused, EngineResult
from vermilion.engines.inspector import inspect_file
from vermilion.engines.pool import EnginePool


def poster(result: EngineResult) -> Image.Image:
    [made] = result.files
    with Image.open(made.path) as opened:
        opened.load()
    assert ("WEBP", "image/webp", (made.width, made.height)) == (
        opened.format,
        made.content_type,
        opened.size,
    )
    return opened


def refusal(run_engine: RunEngine, path: Path) -> str:
    with pytest.raises(EngineRefused) as refused:
        run_engine(inspect_file, file=path)
    return refused.value.code


@pytest.mark.parametrize(
    ("kind", "expected"), [("mp4", "video/mp4"), ("mov", "video/quicktime"), ("webm", "video/webm")]
)
def test_videos_have_size_length_and_a_poster(
    run_engine: RunEngine, tmp_path: Path, kind: str, expected: str
) -> None:
    """All three come from the file itself, whatever it is called."""
    path = footage.video(tmp_path, kind, pictures=footage.walk(24), sound=True)
    result = run_engine(inspect_file, file=path)
    assert (expected, 96, 64) == tuple(result.facts[name] for name in ("content_type", "width", "height"))
    assert 2.0 == pytest.approx(result.facts["duration_s"], abs=0.1)
    shown = poster(result)
    red, green, _ = colour_at(shown, 12, 32)
    assert red > 180
    assert green < 60


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("wav", "audio/wav"),
        ("mp3", "audio/mpeg"),
        ("ogg", "audio/ogg"),
        ("flac", "audio/flac"),
        ("m4a", "audio/mp4"),
    ],
)
def test_sound_has_its_length_and_a_waveform(
    run_engine: RunEngine, tmp_path: Path, kind: str, expected: str
) -> None:
    """The picture shows where it is loud; the first half is eight times as loud as the second."""
    result = run_engine(inspect_file, file=footage.sound(tmp_path, kind))
    assert {"content_type", "duration_s"} == set(result.facts)
    assert expected == result.facts["content_type"]
    assert 2.0 == pytest.approx(result.facts["duration_s"], abs=0.1)
    drawn = np.asarray(poster(result).getchannel("A")) > 128
    loud, soft = drawn[:, 80:180].sum(), drawn[:, 330:430].sum()
    assert 4 < loud / soft < 12


def test_a_film_that_fades_in_is_shown_by_what_comes_after(run_engine: RunEngine, tmp_path: Path) -> None:
    """A black first second makes no poster."""
    black = [Image.new("RGB", (96, 64))] * 12
    result = run_engine(inspect_file, file=footage.video(tmp_path, pictures=[*black, *footage.walk(6)]))
    assert colour_at(poster(result), 12, 32)[0] > 180


def test_a_video_of_nothing_but_black_has_a_black_poster(run_engine: RunEngine, tmp_path: Path) -> None:
    """A plain film is a film."""
    result = run_engine(inspect_file, file=footage.video(tmp_path, pictures=[Image.new("RGB", (96, 64))] * 3))
    assert 10 > max(colour_at(poster(result), 50, 30))


@pytest.mark.parametrize(("degrees", "place"), [(90, (32, 12)), (270, (32, 84))])
def test_a_video_is_shown_as_the_camera_was_held(
    run_engine: RunEngine, tmp_path: Path, degrees: int, place: tuple[int, int]
) -> None:
    """Width and height are those that a viewer sees, and the poster stands upright."""
    path = footage.sideways(footage.video(tmp_path, pictures=footage.walk()), degrees)
    result = run_engine(inspect_file, file=path)
    assert (64, 96) == (result.facts["width"], result.facts["height"])
    red, green, _ = colour_at(poster(result), *place)
    assert red > 180
    assert green < 60


def test_a_transparent_video_has_a_transparent_poster(run_engine: RunEngine, tmp_path: Path) -> None:
    """WebM can be transparent, and its poster is so too."""
    picture = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    picture.paste((220, 20, 30, 255), (0, 20, 24, 44))
    shown = poster(run_engine(inspect_file, file=footage.video(tmp_path, "webm", pictures=[picture] * 3)))
    alpha = np.asarray(shown.getchannel("A"))
    assert (255, 0) == (alpha[32, 12], alpha[10, 80])


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_sound_alone_in_a_container_for_video_is_sound(
    run_engine: RunEngine, tmp_path: Path, kind: str
) -> None:
    """What a file is follows from its streams, not from its container."""
    path = tmp_path / "given"
    with av.open(str(path), "w", format=kind) as target:
        stream = target.add_stream("libopus" if kind == "webm" else "aac", rate=footage.RATE, layout="mono")
        footage.encode(target, stream, footage.tone(1))
    assert f"audio/{kind}" == run_engine(inspect_file, file=path).facts["content_type"]


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm",
        b"ID3\x04\0\0\0\0\0\0",
        b"OggS\0\x02" + b"\0" * 40,
        b"fLaC\0\0\0\x22" + b"\0" * 40,
        b"RIFF\x04\0\0\0WAVE",
    ],
)
def test_a_bare_header_is_refused(run_engine: RunEngine, tmp_path: Path, content: bytes) -> None:
    """A file that begins like a recording and holds none is not accepted."""
    path = tmp_path / "given"
    path.write_bytes(content)
    assert "damaged_media" == refusal(run_engine, path)


def test_a_video_that_is_cut_short_is_refused(run_engine: RunEngine, tmp_path: Path) -> None:
    """An MP4 whose index is missing cannot be played."""
    path = footage.video(tmp_path, pictures=footage.walk(24))
    path.write_bytes(path.read_bytes()[:-800])
    assert "damaged_media" == refusal(run_engine, path)


def test_frames_over_the_bound_are_refused_before_they_are_decoded(
    run_engine: RunEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header says how large they are."""
    path = footage.video(tmp_path, pictures=footage.walk(3))
    monkeypatch.setattr(recordings, "PIXELS_MAX", 96 * 64 - 1)
    assert "video_too_large" == refusal(run_engine, path)


def test_recordings_over_the_bound_are_refused(
    run_engine: RunEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six hours are enough."""
    path = footage.sound(tmp_path, "flac")
    monkeypatch.setattr(recordings, "SECONDS_MAX", 1)
    assert "recording_too_long" == refusal(run_engine, path)


def test_a_file_that_names_other_files_reads_none(run_engine: RunEngine, tmp_path: Path) -> None:
    """A playlist is text: nothing that it names is opened."""
    path = tmp_path / "given"
    path.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
    assert {"content_type": "text/plain"} == run_engine(inspect_file, file=path).facts


@pytest.fixture
def turned_over(tmp_path: Path) -> Callable[[bytes, int], bytes]:
    """Bytes of a recording, some of them turned over by a seed."""

    def turned(content: bytes, seed: int) -> bytes:
        chance = random.Random(seed)
        broken = bytearray(content)
        for _ in range(chance.choice((1, 3, 10, 60))):
            reach = min(len(broken), chance.choice((200, 2000, 10**6)))
            broken[chance.randrange(4, reach)] = chance.randrange(256)
        return bytes(broken[: chance.randrange(20, len(broken))] if seed % 5 == 0 else broken)

    return turned


@pytest.mark.slow
async def test_no_broken_recording_harms_a_worker(
    tmp_path: Path, turned_over: Callable[[bytes, int], bytes]
) -> None:
    """Of 160 files with bytes turned over or missing, each has facts or is refused, all by one and the same worker."""
    whole = [
        footage.video(tmp_path, kind, pictures=footage.walk(6), sound=True) for kind in ("mp4", "mov", "webm")
    ]
    whole += [footage.sound(tmp_path, kind, seconds=0.5) for kind in ("wav", "mp3", "ogg", "flac", "m4a")]
    contents = [path.read_bytes() for path in whole]
    path, pids, refusals = tmp_path / "given", set(), set()
    pool = EnginePool(1, 1_500_000_000, 30.0, scratch_parent=tmp_path / "pool")
    await pool.start()
    try:
        for seed in range(160):
            path.write_bytes(turned_over(contents[seed % len(contents)], seed))
            try:
                seen = await pool.run("inspect", {}, {"file": path}, on_progress=lambda *_: None)
                assert "duration_s" in seen.facts
                await pool.discard(seen)
            except EngineRefused as refused:
                refusals.add(refused.code)
            pids |= {*pool.worker_pids}
    finally:
        await pool.close()
    assert 1 == len(pids)
    assert refusals <= {"damaged_media", "unsupported_media", "recording_too_long", "video_too_large"}


def test_sound_that_changes_on_the_way_is_heard_to_its_end() -> None:
    """Another rate and another layout in the middle, as in recordings of calls: both parts are there."""
    change = recordings.Resampler("mono", 8000)
    count = 0
    for layout, rate in (("mono", 16_000), ("stereo", 44_100)):
        sides = 2 if layout == "stereo" else 1
        piece = np.zeros((1, rate * sides), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout=layout)
        frame.sample_rate = rate
        count += sum(made.samples for made in change.resampled(frame))
    count += sum(made.samples for made in change.rest())
    assert 16_000 == pytest.approx(count, abs=40)
