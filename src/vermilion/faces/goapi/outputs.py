"""What a task made, in the fields of its family; before the end, the same fields with nothing in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vermilion.domain.midjourney.buttons import buttons_of
from vermilion.domain.tasks import Status
from vermilion.storage.tasks import TaskRow

GRID_TILES = 4


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a task with their links, and what else its output says."""

    files: list[dict[str, Any]]
    facts: dict[str, Any]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The files of one kind: image, video, audio, model."""
        return [file for file in self.files if file["content_type"].startswith(kind + "/")]

    def urls(self, kind: str) -> list[str]:
        """Their links."""
        return [file["url"] for file in self.of_kind(kind)]

    def url(self, kind: str) -> str:
        """The first link of a kind, or nothing."""
        return next(iter(self.urls(kind)), "")


Shape = Callable[[TaskRow, Made], dict[str, Any]]


def shown_output(
    row: TaskRow, made: Made, *, hidden: frozenset[str] = frozenset(), private: bool = False
) -> dict[str, Any]:
    """The output; whatever made it here says so in `method`. Fields that the plan does not show are empty."""
    if row.family == "midjourney":
        shown = _midjourney(row, made, private=private)
        shown |= {
            name: type(shown[name])() if shown[name] is not None else None for name in hidden & shown.keys()
        }
    else:
        shown = SHAPES.get(row.family, _by_kind)(row, made)
    return shown | {name: made.facts[name] for name in ("method", "parameters_unused") if name in made.facts}


def _midjourney(row: TaskRow, made: Made, *, private: bool) -> dict[str, Any]:
    pictures = made.urls("image")
    is_grid = bool(made.facts.get("grid")) and len(pictures) > GRID_TILES
    tiles = pictures[1:] if is_grid else []
    whole = {**made.facts, "assets": made.files}
    failed = row.status in (Status.FAILED, Status.CANCELLED)
    return {
        "image_url": pictures[0] if pictures else "",
        "image_urls": (tiles or pictures) if private and pictures else None,
        "temporary_image_urls": tiles,
        "discord_image_url": "",
        "intermediate_image_urls": None,
        "video_url": made.url("video"),
        "image_id": "",
        "result_message_id": "",
        "task_progress": row.progress,
        "seed": str(made.facts["seed"]) if row.task_type == "seed" and "seed" in made.facts else "",
        "description": _description(made.facts),
        "message": row.progress_text or "",
        "warning": "",
        "error_messages": [row.error] if failed and row.error else [],
        "need_retry": False,
        "quota_used": row.charged or 0,
        "actions": [button.action for button in buttons_of(whole)] if row.status == Status.COMPLETED else [],
    }


def _description(facts: Mapping[str, Any]) -> str:
    texts = facts.get("prompts") or facts.get("descriptions") or facts.get("text") or ""
    return texts if isinstance(texts, str) else "\n\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1))


def _image(_row: TaskRow, made: Made) -> dict[str, Any]:
    urls = made.urls("image")
    several = {"image_urls": urls} if len(urls) > 1 else {}
    return {"image_url": made.url("image"), **several, "image_base64": ""}


def _images(_row: TaskRow, made: Made) -> dict[str, Any]:
    return {"image_url": made.url("image"), "image_urls": made.urls("image") or None}


def _video(_row: TaskRow, made: Made) -> dict[str, Any]:
    return {"video_url": made.url("video"), "video": made.url("video")}


def _kling(row: TaskRow, made: Made) -> dict[str, Any]:
    works = [
        {
            "content_type": file["content_type"],
            "status": 99,
            "type": "video" if file["content_type"].startswith("video/") else "image",
            "cover": {
                "resource": "",
                "resource_without_watermark": "",
                "height": 0,
                "width": 0,
                "duration": 0,
            },
            "video" if file["content_type"].startswith("video/") else "image": {
                "resource": file["url"],
                "resource_without_watermark": file["url"],
                "height": file["height"] or 0,
                "width": file["width"] or 0,
                "duration": round((file["duration_s"] or 0) * 1000),
            },
        }
        for file in made.files
    ]
    done = 99 if row.status == Status.COMPLETED else 50 if row.status == Status.FAILED else 10
    return {"type": row.task_type, "status": done, "works": works, **_video(row, made)}


def _hailuo(row: TaskRow, made: Made) -> dict[str, Any]:
    film = next(iter(made.of_kind("video")), {})
    return {
        "percent": row.progress,
        "cover_url": "",
        "video_url": film.get("url", ""),
        "download_url": film.get("url", ""),
        "desc": "",
        "status": 2 if film else 1,
        "width": film.get("width") or 0,
        "height": film.get("height") or 0,
        "model_id": "",
        "message": row.progress_text or "",
    }


def _luma(_row: TaskRow, made: Made) -> dict[str, Any]:
    film = next(iter(made.of_kind("video")), {})
    raw = {"url": film.get("url", ""), "width": film.get("width") or 0, "height": film.get("height") or 0}
    still = {"url": "", "width": 0, "height": 0}
    return {
        "video": raw["url"],
        "video_raw": raw,
        "last_frame": still,
        "thumbnail": still,
        "generation": None,
    }


def _audio(_row: TaskRow, made: Made) -> dict[str, Any]:
    return {"audio_url": made.url("audio")}


def _songs(row: TaskRow, made: Made) -> dict[str, Any]:
    """Both ways in which the two song services told of songs: a list, and clips by id."""
    title = str(made.facts.get("title", ""))
    songs = [
        {
            "id": file["id"],
            "title": title,
            "song_path": file["url"],
            "audio_url": file["url"],
            "image_path": "",
            "image_url": "",
            "duration": file["duration_s"] or 0,
            "finished": True,
        }
        for file in made.of_kind("audio")
    ]
    return {
        "songs": songs,
        "clips": {song["id"]: song for song in songs},
        "audio_url": made.url("audio"),
        "lyrics": str(made.facts.get("text", "")),
        "progress": row.progress,
    }


def _model(_row: TaskRow, made: Made) -> dict[str, Any]:
    return {
        "no_background_image": made.url("image"),
        "combined_video": made.url("video"),
        "model_file": made.url("model"),
    }


def _text(_row: TaskRow, made: Made) -> dict[str, Any]:
    return {"text": _description(made.facts)}


def _by_kind(row: TaskRow, made: Made) -> dict[str, Any]:
    """Of families with no shape of their own: by what was made, natively also whatever it says."""
    kinds = {file["content_type"].partition("/")[0] for file in made.files}
    shown: dict[str, Any] = {}
    for kind, shape in (("image", _image), ("video", _video), ("audio", _audio), ("model", _model)):
        if kind in kinds:
            shown |= shape(row, made)
    return {**made.facts, **shown}


SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("flux", "qwen-image", "z-image", "image-toolkit"), _image),
    **dict.fromkeys(("gemini", "seedream"), _images),
    **dict.fromkeys(("veo", "sora", "seedance", "omni-human", "hunyuan", "wanx", "wan"), _video),
    **dict.fromkeys(("skyreels", "framepack", "hug-video", "video-toolkit"), _video),
    **dict.fromkeys(("tts", "diffrhythm", "ace-step"), _audio),
    "mmaudio": lambda row, made: {**_video(row, made), **_audio(row, made)},
    "kling": _kling,
    "hailuo": _hailuo,
    "luma": _luma,
    "suno": _songs,
    "udio": _songs,
    "trellis": _model,
    "joycaption": _text,
}
