"""Background removal from real videos, and from files that are none."""

from __future__ import annotations

import weakref
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.engines import footage
from tests.engines.conftest import RunEngine

from vermilion.engines.contract import EngineJob, EngineRefused, EngineResult
from vermilion.engines.cutout import video as cutout_video
from vermilion.engines.cutout.steady import masked
from vermilion.engines.cutout.video import cut_out_video
from vermilion.engines.footage import upright_frame
from vermilion.engines.recordings import opened_recording
from vermilion.engines.weights import sample_path


def panned(count: int, size: tuple[int, int] = (160, 120)) -> list[Image.Image]:
    """The astronaut, the camera moving a little to the right with every frame."""
    with Image.open(sample_path("astronaut.png")) as opened:
        whole = opened.convert("RGB")
    height = 440 * size[1] // size[0]
    return [whole.crop((at * 3, 0, at * 3 + 440, height)).resize(size) for at in range(count)]


def alphas(result: EngineResult) -> list[np.ndarray]:
    """Each frame's transparency."""
    with opened_recording(result.files[0].path) as recording:
        return [frame.to_ndarray(format="rgba")[:, :, 3] for frame in recording.frames()]


def test_the_subject_stays_and_its_surroundings_go(run_engine: RunEngine, tmp_path: Path) -> None:
    """In every frame the face is solid and the upper corner clear; size and number of frames are kept."""
    result = run_engine(cut_out_video, video=footage.video(tmp_path, pictures=panned(8)))
    seen = alphas(result)
    assert (8, (120, 160)) == (len(seen), seen[0].shape)
    assert ("video/webm", 160, 120) == (
        result.files[0].content_type,
        result.files[0].width,
        result.files[0].height,
    )
    for number, alpha in enumerate(seen):
        face = 80 - number  # The camera moves right, so the face moves left.
        assert alpha[45:60, face - 5 : face + 10].min() > 200
        assert alpha[:15, -15:].max() < 60
    assert 8 == result.facts["frames"]
    assert {"seconds": 1} == result.usage


def test_what_is_removed_is_not_in_the_file(run_engine: RunEngine, tmp_path: Path) -> None:
    """Behind the transparency there is no background left to be found."""
    result = run_engine(cut_out_video, video=footage.video(tmp_path, pictures=panned(2)))
    with opened_recording(result.files[0].path) as recording:
        assert recording.video is not None
        opaque = next(iter(recording.container.decode(recording.video)))  # FFmpeg's own decoder drops alpha.
        assert opaque.to_ndarray(format="rgb24")[:12, -12:].max() < 24


def test_a_colour_can_be_put_behind(run_engine: RunEngine, tmp_path: Path) -> None:
    """The corner has the colour, and nothing is transparent."""
    path = footage.video(tmp_path, pictures=panned(2))
    result = run_engine(cut_out_video, {"background": "#00c040"}, video=path)
    with opened_recording(result.files[0].path) as recording:
        pixels = next(recording.frames()).to_ndarray(format="rgba")
    assert 12 > np.abs(pixels[4:12, -12:-4, :3].astype(int) - (0, 0xC0, 0x40)).max()
    assert 255 == pixels[:, :, 3].min()


def test_sound_and_time_are_kept(run_engine: RunEngine, tmp_path: Path) -> None:
    """The tone is as long as the pictures, at its pitch, and loud before it is soft."""
    path = footage.video(tmp_path, pictures=panned(18), sound=True)
    result = run_engine(cut_out_video, video=path)
    assert result.facts["has_sound"]
    with opened_recording(result.files[0].path) as recording:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in recording.sound(8000)])
        assert 1.5 == pytest.approx(recording.duration_s or 0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(heard[:4000]))
    assert 440 == pytest.approx(spectrum.argmax() * 8000 / 4000, abs=4)
    assert 4 < np.abs(heard[1000:5000]).mean() / np.abs(heard[7000:11000]).mean() < 12


def test_masks_do_not_flicker_where_nothing_moves() -> None:
    """Noise on a still scene moves the mask less than it moves the network's opinion of single frames."""
    picture = panned(1)[0]
    noise = np.random.default_rng(7)
    frames = [
        Image.fromarray(
            np.clip(np.asarray(picture) + noise.normal(0, 6, (120, 160, 3)), 0, 255).astype(np.uint8)
        )
        for _ in range(6)
    ]

    def flicker(masks: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(masks)]))

    alone = [next(iter(masked([(frame, 0.0)])))[2] for frame in frames]
    together = [mask for _, _, mask in masked((frame, number / 10) for number, frame in enumerate(frames))]
    assert flicker(together) < 0.6 * flicker(alone)


def test_quick_videos_are_looked_at_every_second_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 30 frames a second every frame has a mask, and the network saw half of them."""
    from vermilion.engines.cutout import steady

    seen: list[Image.Image] = []

    def look(frame: Image.Image) -> np.ndarray:
        seen.append(frame)
        return np.full((4, 4), len(seen) / 10, dtype=np.float32)

    monkeypatch.setattr(steady, "look", look)
    frames = [(Image.new("RGB", (8, 8)), number / 30) for number in range(9)]
    made = list(masked(frames))
    assert [at for _, at in frames] == [at for _, at, _ in made]
    assert 5 == len(seen)


def test_few_frames_are_in_memory_at_once(
    run_engine: RunEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the video is, three frames are held at most."""
    given: list[weakref.ref[Image.Image]] = []
    most: list[int] = []

    def watched(frame: av.VideoFrame) -> Image.Image:
        picture = upright_frame(frame)
        given.append(weakref.ref(picture))
        most.append(sum(one() is not None for one in given))
        return picture

    monkeypatch.setattr(cutout_video, "upright_frame", watched)
    run_engine(cut_out_video, video=footage.video(tmp_path, pictures=panned(12)))
    assert 12 == len(most)
    assert max(most) <= 3


def test_progress_is_told_for_every_frame(tmp_path: Path) -> None:
    """It rises from frame to frame and says which one was made."""
    seen: list[tuple[int, str | None]] = []
    path = footage.video(tmp_path, pictures=panned(4))
    cut_out_video(
        EngineJob({}, {"video": path}, tmp_path, lambda percent, text: seen.append((percent, text)))
    )
    assert ["reading the video", "frame 1", "frame 2", "frame 3", "frame 4"] == [text for _, text in seen]
    assert sorted(seen) == seen


def test_a_video_held_upright_stays_so(run_engine: RunEngine, tmp_path: Path) -> None:
    """A telephone's rotation is carried out."""
    path = footage.sideways(footage.video(tmp_path, pictures=panned(2)), 90)
    made = run_engine(cut_out_video, video=path).files[0]
    assert (120, 160) == (made.width, made.height)


def test_large_frames_come_back_smaller(
    run_engine: RunEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shape is kept and the bound holds."""
    monkeypatch.setattr(cutout_video, "PIXELS_MAX", 80 * 60)
    made = run_engine(cut_out_video, video=footage.video(tmp_path, pictures=panned(2))).files[0]
    assert (80, 60) == (made.width, made.height)


@pytest.mark.parametrize("size", [(2, 2), (2, 200), (1920, 16)])
def test_odd_sizes_give_a_result(run_engine: RunEngine, tmp_path: Path, size: tuple[int, int]) -> None:
    """The smallest and the narrowest video is a video."""
    pictures = [Image.new("RGB", size, "orange")] * 2
    made = run_engine(cut_out_video, video=footage.video(tmp_path, "webm", pictures=pictures)).files[0]
    assert size == (made.width, made.height)


def test_long_videos_are_refused_by_their_header(
    run_engine: RunEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is decoded first."""
    monkeypatch.setattr(cutout_video, "SECONDS_MAX", 1)
    path = footage.video(tmp_path, pictures=footage.walk(18))
    with pytest.raises(EngineRefused, match="1 seconds at most") as refused:
        run_engine(cut_out_video, video=path)
    assert "video_too_long" == refused.value.code


def test_what_is_no_video_is_refused(run_engine: RunEngine, tmp_path: Path) -> None:
    """Sound, a picture, and half a file each have their reason."""
    picture = tmp_path / "picture"
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    half = footage.video(tmp_path, pictures=footage.walk())
    half.write_bytes(half.read_bytes()[:-700])
    reasons = {footage.sound(tmp_path, "mp3"): "no_video", picture: "unreadable_media", half: "damaged_media"}
    for path, code in reasons.items():
        with pytest.raises(EngineRefused) as refused:
            run_engine(cut_out_video, video=path)
        assert code == refused.value.code


@pytest.mark.parametrize("background", ["green", "#12345", "", "rgb(1,2,3)"])
def test_other_backgrounds_are_refused(run_engine: RunEngine, tmp_path: Path, background: str) -> None:
    """A colour is six digits."""
    with pytest.raises(EngineRefused, match="background"):
        run_engine(cut_out_video, {"background": background}, video=tmp_path / "unread")


def test_the_file_says_how_it_was_made(run_engine: RunEngine, tmp_path: Path) -> None:
    """The method is in the file and in the facts."""
    result = run_engine(cut_out_video, video=footage.video(tmp_path, pictures=footage.walk(2)))
    with av.open(str(result.files[0].path)) as opened:
        assert "Vermilion cutout" in opened.metadata["COMMENT"]
    assert "U²-Net" in result.facts["method"]
