"""Files made to do harm: each is refused, or kept as something harmless; the gateway goes on whatever comes."""

from __future__ import annotations

import gzip
import io
import random
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from tests.support.server import Api

pytestmark = pytest.mark.slow

SAFE = (
    "image/",
    "audio/",
    "video/",
    "text/plain",
    "application/json",
    "application/pdf",
    "model/gltf-binary",
)
SCRIPT = b"<script>alert(document.domain)</script>"


def png(size: tuple[int, int] = (32, 32)) -> bytes:
    return encoded(Image.radial_gradient("L").resize(size).convert("RGB"), "PNG")


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    held = io.BytesIO()
    picture.save(held, kind, **options)
    return held.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_claiming(width: int, height: int, data: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", b"0" * 10_000_000)
    return held.getvalue()


def sound() -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", ""))
        wav.writeframes(b"\1\2" * 800)
    return held.getvalue()


#: Never kept, under any name.
REFUSED: dict[str, bytes] = {
    "svg with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>' + b"\0",
    "html with a NUL": b"<html>\0" + SCRIPT,
    "a program": b"\x7fELF\x02\x01\x01" + bytes(200),
    "a Windows program": b"MZ" + bytes(300),
    "a zip bomb": zipped(),
    "a gzip bomb": gzip.compress(b"0" * 20_000_000),
    "a picture that says it is huge": png_claiming(60_000, 60_000, zlib.compress(b"\0" * 1000)),
    "a picture of the largest size there is": png_claiming(2**31 - 1, 2**31 - 1, zlib.compress(b"")),
    "a picture without any size": png_claiming(0, 0, zlib.compress(b"")),
    "a picture that unpacks to gigabytes": png_claiming(10_000, 10_000, zlib.compress(bytes(300_000_000), 9)),
    "a picture whose data is text": png_claiming(64, 64, SCRIPT),
    "a picture with a huge profile": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(80_000_000), 9)),
    "half a JPEG": encoded(Image.effect_noise((200, 200), 90).convert("RGB"), "JPEG")[:3000],
    "a GIF of nothing": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"\x3b",
    "a WebP that ends at once": b"RIFF\x1c\0\0\0WEBPVP8L\x0f\0\0\0\x2f\xff\xff\xff\xff",
    "an AVIF without content": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B",
    "a video of nothing": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64),
    "a video with a box beyond its end": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\xff\xff\xff\xffmoov",
    "a WebM of nothing": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm",
    "a playlist that names files": b"#EXTM3U\nfile:///etc/passwd\n\0",
    "sound without sound": b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0",
    "an Ogg of nothing": b"OggS\0\x02" + bytes(40),
    "a FLAC of nothing": b"fLaC\0\0\0\x22" + bytes(40),
    "an MP3 of nothing": b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
    "a model that is longer than it is": b"glTF\x02\0\0\0\xff\xff\xff\xff\x10\0\0\0JSON{}",
    "a model without a scene": b"glTF\x02\0\0\0\x0c\0\0\0",
    "a PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n\x04",
    "a TIFF": b"II*\0" + bytes(100),
    "an icon": b"\0\0\1\0\1\0" + bytes(60),
    "Latin-1": b"caf\xe9",
    "UTF-16": "text".encode("utf-16"),
    "nothing but NUL": bytes(5000),
}

#: Kept, but only ever handed out as what they are.
KEPT: dict[str, tuple[bytes, str]] = {
    "HTML under the name of a picture": (b"<!doctype html>" + SCRIPT, "text/plain"),
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "text/plain"),
    "a picture with a script behind it": (png() + SCRIPT, "image/png"),
    "a picture that is a zip, too": (png() + zipped(), "image/png"),
    "a GIF that begins a comment of a script": (
        encoded(Image.new("P", (2, 2)), "GIF", comment=b"*/=1;alert(1)//"),
        "image/gif",
    ),
    "a PDF": (b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>", "application/pdf"),
    "JSON nested beyond reading": (b"[" * 100_000, "text/plain"),
    "a playlist": (b"#EXTM3U\nfile:///etc/passwd\n", "text/plain"),
}


async def upload(api: Api, content: bytes, name: str = "holiday.png") -> tuple[int, dict[str, object]]:
    async with api.session.post(
        "/v1/media",
        data=content,
        params={"name": name},
        headers={"authorization": f"Bearer {api.key}", "content-type": "image/png"},
    ) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
async def test_harmful_files_are_refused(customer: Api, content: bytes) -> None:
    """One clear 415 that says what is wrong, nothing kept, and the next file is taken as ever."""
    status, problem = await upload(customer, content)

    assert (415, "unsupported_media") == (status, problem["code"]), problem
    assert [] == (await customer.get("/v1/media"))["data"]
    assert 201 == (await upload(customer, png()))[0]


@pytest.mark.parametrize(("content", "kind"), KEPT.values(), ids=KEPT)
async def test_double_faced_files_have_one_face(customer: Api, content: bytes, kind: str) -> None:
    """What is kept is handed out under its own type, never sniffed again, never run, and pages only as a download."""
    status, stored = await upload(customer, content)
    async with customer.session.get(str(stored["url"])) as answer:
        headers, body = answer.headers, await answer.read()

    assert (201, kind, content) == (status, stored["content_type"], body)
    assert kind == headers["content-type"].partition(";")[0]
    assert "nosniff" == headers["x-content-type-options"]
    assert "sandbox" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]


def damaged(rng: random.Random, content: bytes) -> bytes:
    """The same file with something broken: bytes flipped, cut out, doubled, or numbers made huge."""
    at, length = rng.randrange(len(content)), rng.randrange(1, 64)
    kind = rng.randrange(5)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + content[at + length :]
    if kind == 2:
        return content[:at] + content[at : at + length] * 9 + content[at:]
    if kind == 3:
        return content[:at] + b"\xff" * length + content[at + length :]
    broken = bytearray(content)
    for _ in range(8):
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
    return bytes(broken)


def frames() -> list[Image.Image]:
    return [Image.new("RGB", (24, 24), (at * 40, 90, 20)) for at in range(4)]


MAKERS: dict[str, Callable[[], bytes]] = {
    "png": png,
    "jpeg": lambda: encoded(Image.effect_noise((64, 64), 60).convert("RGB"), "JPEG"),
    "webp": lambda: encoded(Image.effect_noise((64, 64), 60).convert("RGB"), "WEBP"),
    "avif": lambda: encoded(Image.effect_noise((64, 64), 60).convert("RGB"), "AVIF"),
    "gif": lambda: encoded(frames()[0], "GIF", save_all=True, append_images=frames()[1:], duration=90),
    "wav": sound,
}


def broken_files(kind: str, count: int) -> Iterator[bytes]:
    rng = random.Random(f"hostile {kind}")
    whole = MAKERS[kind]()
    for _ in range(count):
        content = whole
        for _ in range(rng.randrange(1, 4)):
            content = damaged(rng, content) or b"\0"
        yield content


@pytest.mark.parametrize("kind", MAKERS)
async def test_broken_files_of_every_kind_break_nothing(customer: Api, kind: str) -> None:
    """However a file is damaged, it is kept as something safe or refused as such; never a fault of ours."""
    for content in broken_files(kind, 40):
        status, answer = await upload(customer, content)
        assert status in (201, 415), answer
        if status == 201:
            assert str(answer["content_type"]).startswith(SAFE)
