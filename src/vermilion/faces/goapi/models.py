"""The service's names for models and families, beside the catalogue's."""

from __future__ import annotations

from collections.abc import Mapping

from vermilion.domain.catalogue import Catalogue

#: Names of earlier versions and of its own command line, and what they mean now.
ALIASES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("kling", "text2video"): ("kling", "video_generation"),
    ("kling", "image2video"): ("kling", "video_generation"),
    ("kling", "video_extend"): ("kling", "extend_video"),
    ("suno", "generate_music"): ("music-s", "generate_music"),
    ("suno", "generate_music_custom"): ("music-s", "generate_music_custom"),
    ("suno", "lyrics"): ("music-s", "generate_lyrics"),
    ("music-s", "lyrics"): ("music-s", "generate_lyrics"),
    ("music-u", "lyrics"): ("music-u", "generate_lyrics"),
    ("music-u", "extend_music"): ("music-u", "generate_music"),
    ("Qubico/flux1-dev", "inpaint"): ("Qubico/flux1-dev-advanced", "fill-inpaint"),
    ("Qubico/flux1-dev", "controlnet"): ("Qubico/flux1-dev-advanced", "controlnet-lora"),
    ("Qubico/image-toolkit", "face-swap-video"): ("Qubico/video-toolkit", "face-swap"),
    ("Qubico/image-toolkit", "super-resolution"): ("Qubico/image-toolkit", "upscale"),
    ("hailuo", "t2v"): ("hailuo", "video_generation"),
    ("hailuo", "i2v"): ("hailuo", "video_generation"),
    ("hailuo", "s2v"): ("hailuo", "video_generation"),
    ("luma", "generate_video"): ("luma", "video_generation"),
    ("luma", "image-to-video"): ("luma", "video_generation"),
    ("Qubico/hunyuan", "t2v"): ("Qubico/hunyuan", "txt2video"),
    ("Qubico/hunyuan", "i2v"): ("Qubico/hunyuan", "img2video-concat"),
    ("google/veo-3", "t2v"): ("veo3", "veo3-video"),
    ("google/gemini-2.5-flash-image", "image-generate"): ("gemini", "gemini-2.5-flash-image"),
    ("google/gemini-2.5-flash-image", "image-edit"): ("gemini", "gemini-2.5-flash-image"),
    ("bytedance/seedance-2", "t2v"): ("seedance", "seedance-2"),
    ("bytedance/seedance-2", "i2v"): ("seedance", "seedance-2"),
    ("Qubico/f5-tts", "tts"): ("Qubico/tts", "zero-shot"),
}
#: Families whose word here is not the catalogue's.
FAMILY_WORDS: Mapping[str, str] = {"midjourney": "mj", "suno": "music-s", "udio": "music-u"}
#: Families of which webhooks tell each step, not only the end.
TOLD_STEPS = frozenset({"midjourney", "luma", "suno", "udio"})


def offered_as(model: str, task_type: str) -> tuple[str, str]:
    """The catalogue's model and task type for those of a request."""
    return ALIASES.get((model, task_type), (model, task_type))


def family_word(family: str) -> str:
    """The service's word for a family of the catalogue."""
    return FAMILY_WORDS.get(family, family.replace("-", "_"))


def family_of(word: str) -> str:
    """The catalogue's family for the service's word."""
    named = {**{shown: family for family, shown in FAMILY_WORDS.items()}, "music-u": "udio"}
    return named.get(word, word.replace("_", "-"))


def models_of(catalogue: Catalogue, word: str) -> tuple[str, ...]:
    """The models of a family by the service's word; none for a word that is not known."""
    family = family_of(word)
    return tuple(sorted({offer.model for offer in catalogue.offers.values() if offer.family == family}))
