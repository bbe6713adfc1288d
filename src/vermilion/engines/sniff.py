"""Tells a file's type by its first bytes, from a closed list. Names and extensions are never asked."""

from __future__ import annotations

import json
from pathlib import Path

HEAD_BYTES = 4096
TEXT_BYTES_MAX = 200 * 1024 * 1024
JSON_BYTES_MAX = 8 * 1024 * 1024  #: of a document that is read to see whether it is one
_CONTROL = bytes({*range(32), 127} - set(b"\t\n\r\f"))
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"glTF\x02\x00\x00\x00", "model/gltf-binary"),
    (0, b"%PDF-", "application/pdf"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_AVIF_BRANDS = (b"avif", b"avis")
_M4A_BRANDS = (b"M4A ", b"M4B ")
_MP4_BRANDS = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"dash",
    b"M4V ",
    b"MSNV",
)


def content_type_of(path: Path) -> str | None:
    """The type of a file, or None for everything that is not on the list."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for offset, magic, kind in _SIGNATURES:
        if head.startswith(magic, offset):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"\x42\x82\x84webm" in head[:64] else None
    if _mpeg_audio(head):
        return "audio/mpeg"
    return _text(path)


def _iso_media(head: bytes) -> str | None:
    """By its major brand first, then by the compatible ones."""
    size = min(int.from_bytes(head[:4], "big"), 256)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
    if brands[0] in _M4A_BRANDS:
        return "audio/mp4"
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "image/avif"
        if brand == b"qt  ":
            return "video/quicktime"
        if brand in _MP4_BRANDS:
            return "video/mp4"
    return None


def _mpeg_audio(head: bytes) -> bool:
    """A frame header whose version, layer, bit rate and sample rate all exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, rate, sampling = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer != 0 and rate not in (0, 15) and sampling != 3


def _text(path: Path) -> str | None:
    """UTF-8 without control characters; JSON if it is a whole document, JSONL if each of its lines is one."""
    if not 0 < path.stat().st_size <= TEXT_BYTES_MAX:
        return None
    content = path.read_bytes()
    if content.translate(None, _CONTROL) != content:
        return None
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if _is_json(content):
        return "application/json"
    first, end_of_line, _ = content.partition(b"\n")
    return "application/jsonl" if end_of_line and _is_json(first) else "text/plain"


def _is_json(content: bytes) -> bool:
    if content.lstrip()[:1] not in (b"{", b"[") or len(content) > JSON_BYTES_MAX:
        return False
    try:
        json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True
