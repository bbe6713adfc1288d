"""Files: uploaded, sniffed, taken as input in every form, and fetched by links that cannot be bent."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from aiohttp import web
from PIL import Image
from tests.support.server import Api, Server, new_customer

from vermilion.services.sweep import delete_old_media
from vermilion.storage.blobs import open_blobs
from vermilion.storage.database import Database

pytestmark = pytest.mark.slow

PHOTO = Path(sys.prefix) / "share/vermilion/samples/astronaut.png"


def png(color: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    """A small picture."""
    held = io.BytesIO()
    Image.new("RGB", size, color).save(held, "PNG")
    return held.getvalue()


async def fetch(api: Api, url: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    """(status, headers, bytes) of a link, without a key."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.session.request(method, url, headers=sent) as answer:
        return answer.status, answer.headers, await answer.read()


async def cut_out(api: Api, image: str) -> Any:
    """The ended task of a photograph's cut-out."""
    task = await api.post(
        "/v1/tasks", {"model": "cutout", "task_type": "remove-background", "input": {"image": image}}
    )
    return await api.ended(task["id"])


@pytest.fixture
async def website() -> AsyncIterator[str]:
    """An address in this machine's own network where the sample photograph can be fetched."""

    async def photo(_request: web.Request) -> web.Response:
        return web.Response(body=PHOTO.read_bytes(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/astronaut.png", photo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/astronaut.png"
    await runner.cleanup()


async def test_an_upload_is_fetched_without_a_key(customer: Api) -> None:
    """The link alone opens the file, as what it is and with what keeps browsers safe."""
    content = png()
    upload = await customer.post("/v1/media", content)

    status, headers, body = await fetch(customer, upload["url"])

    assert (200, content) == (status, body)
    assert ("image/png", 64, 48) == (upload["content_type"], upload["width"], upload["height"])
    assert "image/png" == headers["content-type"]
    assert "nosniff" == headers["x-content-type-options"]
    assert "sandbox" in headers["content-security-policy"]
    assert f'inline; filename="{upload["id"]}.png"' == headers["content-disposition"]


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [("0", "9", (0, 10)), ("10", "", (10, None)), ("", "5", (-5, None)), ("0", "999999999", (0, None))],
)
async def test_a_range_is_a_part(start: str, end: str, span: tuple[int, int | None], customer: Api) -> None:
    """One range of bytes comes as 206 and says which it is; a range of everything is the whole file."""
    content = png()
    upload = await customer.post("/v1/media", content)

    status, headers, body = await fetch(customer, upload["url"], range=f"bytes={start}-{end}")

    assert content[slice(*span)] == body
    assert (206 if len(body) < len(content) else 200) == status
    if status == 206:
        first = content.index(body) if start else len(content) - len(body)
        assert f"bytes {first}-{first + len(body) - 1}/{len(content)}" == headers["content-range"]


async def test_a_range_beyond_the_end_is_refused(customer: Api) -> None:
    """416 names the size; what is no single range is ignored."""
    content = png()
    url = (await customer.post("/v1/media", content))["url"]

    status, headers, _ = await fetch(customer, url, range="bytes=99999-")
    assert (416, f"bytes */{len(content)}") == (status, headers["content-range"])
    for strange in ("bytes=-", "bytes=5-1", "lines=1-2", "bytes=0-1,4-5", "bytes=\xb2-"):
        status, _, body = await fetch(customer, url, range=strange)
        assert status == 416 or (200, content) == (status, body), strange


async def test_a_head_and_a_known_etag_send_no_bytes(customer: Api) -> None:
    """HEAD tells the size, If-None-Match saves the way."""
    content = png()
    url = (await customer.post("/v1/media", content))["url"]

    status, headers, body = await fetch(customer, url, "HEAD")
    again, _, nothing = await fetch(customer, url, if_none_match=headers["etag"])
    changed, _, _ = await fetch(customer, url, if_none_match='"other"')

    assert (200, str(len(content)), b"") == (status, headers["content-length"], body)
    assert (304, b"", 200) == (again, nothing, changed)


async def test_a_bent_link_opens_nothing(operator: Api, customer: Api) -> None:
    """Another signature, another time, another file or none of them: 403, and never a byte."""
    mine = await customer.post("/v1/media", png())
    stranger = await new_customer(operator)
    theirs = await stranger.post("/v1/media", png("blue"))
    path, _, query = mine["url"].partition("?")

    for url in (
        path,
        mine["url"][:-4] + "AAAA",
        mine["url"].replace("expires=", "expires=9"),
        mine["url"].replace(mine["id"], theirs["id"]),
        f"{path}?signature={query.partition('signature=')[2]}",
        f"{path}?expires=0&signature=%00",
    ):
        status, headers, body = await fetch(customer, url)
        assert (403, "application/problem+json") == (status, headers["content-type"]), url
        assert b"PNG" not in body


async def test_the_type_is_found_by_looking(customer: Api) -> None:
    """What the client says of a file is not believed, and what nobody can decode is refused."""
    upload = await customer.call("POST", "/v1/media", png(), content_type="text/html")
    page = await customer.call("POST", "/v1/media", b"<script>alert(1)</script>", content_type="image/png")
    broken = await customer.call("POST", "/v1/media", png()[:60], content_type="image/png")
    empty = await customer.call("POST", "/v1/media", b"")

    assert (201, "image/png") == (upload[0], upload[1]["content_type"])
    assert page[0] == 415 or page[1]["content_type"] == "text/plain"
    assert (415, "unsupported_media") == (broken[0], broken[1]["code"])
    assert 415 == empty[0]


async def test_a_plan_bounds_uploads(operator: Api) -> None:
    """A file beyond the plan's limit is refused as an upload and inside a submission."""
    api = await new_customer(operator, plan={"upload_bytes_max": 100})
    uri = "data:image/png;base64," + base64.b64encode(png()).decode()

    status, problem = await api.call("POST", "/v1/media", png())
    inside, _ = await api.call(
        "POST",
        "/v1/tasks",
        {"model": "cutout", "task_type": "remove-background", "input": {"image": uri}},
    )

    assert (413, "body_too_large", 413) == (status, problem["code"], inside)
    assert 0 == (await api.get("/v1/wallet"))["held"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_photograph_is_cut_out_however_it_comes(customer: Api, website: str) -> None:
    """An upload id, a data URI and a URL give the same transparent picture, with a thumbnail."""
    content = PHOTO.read_bytes()
    upload = await customer.post("/v1/media", content)
    data_uri = "data:image/png;base64," + base64.b64encode(content).decode()

    results = []
    for image in (upload["id"], data_uri, website):
        task = await cut_out(customer, image)
        assert "completed" == task["status"], task
        assert {"held": 20_000, "charged": 20_000, "released": 0} == task["usage"]
        [asset] = task["output"]["assets"]
        _, _, body = await fetch(customer, asset["url"])
        status, headers, small = await fetch(customer, asset["thumbnail_url"])
        results.append(body)
        assert (200, "image/webp") == (status, headers["content-type"])
        assert 512 >= max(Image.open(io.BytesIO(small)).size)

    assert results[0] == results[1] == results[2]
    picture = Image.open(io.BytesIO(results[0]))
    low, high = cast(tuple[int, int], picture.getchannel("A").getextrema())
    with Image.open(PHOTO) as photo:
        assert photo.size == picture.size
    assert (0, 255) == (low, high)


async def test_a_file_that_is_no_photograph_fails_and_costs_nothing(customer: Api) -> None:
    """A text where a picture belongs ends the task as the customer's fault, and the hold comes back."""
    upload = await customer.post("/v1/media", b"just words\n")

    task = await cut_out(customer, upload["id"])

    assert ("failed", "customer") == (task["status"], task["error"]["fault"])
    assert {"held": 20_000, "charged": 0, "released": 20_000} == task["usage"]


async def test_retention_deletes_bytes_that_nothing_shares(module_server: Server, customer: Api) -> None:
    """A file past its time is gone, but its bytes stay for as long as another file has the same."""
    content = png("green")
    first, second = [await customer.post("/v1/media", content) for _ in range(2)]
    database = Database(module_server.environment["DATABASE_URL"])
    await database.open()
    blobs = open_blobs("", data_dir=module_server.data_dir)
    gateway: Any = SimpleNamespace(database=database, blobs=blobs)
    before = stored_files(module_server)

    await expire(database, first["id"])
    await delete_old_media(gateway)
    shared = stored_files(module_server)
    gone, kept = [(await fetch(customer, one["url"]))[0] for one in (first, second)]
    await expire(database, second["id"])
    await delete_old_media(gateway)
    await database.close()

    assert (404, 200) == (gone, kept)
    assert before == shared
    assert stored_files(module_server) < shared
    assert 404 == (await fetch(customer, second["url"]))[0]


def stored_files(server: Server) -> set[str]:
    """The names of all stored bytes."""
    return {str(path) for path in (server.data_dir / "media").rglob("*") if path.is_file()}


async def expire(database: Database, asset_id: str) -> None:
    """Let an asset's time be over."""
    await database.execute("UPDATE assets SET expires_at = now() WHERE id = $1", UUID(asset_id))
