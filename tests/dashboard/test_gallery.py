"""The gallery's acts: what one likes, takes along and deletes, one file or many at once, and never somebody else's."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from uuid import uuid4

import pytest
from tests.dashboard.people import Person, join
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow

NAMED = re.compile(r'name="pick" value="([0-9a-f-]{36})"')


async def made(customer: Api, *, count: int) -> list[dict[str, Any]]:
    """The files of one task, the first made first."""
    asked = {"prompt": "hills", "size": 256, "count": count}
    body = {"model": "composer", "task_type": "text-to-image", "input": asked}
    task = await customer.post("/v1/tasks", body, prefer="wait=60")
    files: list[dict[str, Any]] = (await customer.ended(task["id"]))["output"]["assets"]
    assert count == len(files)
    return files


async def test_what_one_likes_is_found_again(owner: Person, customer: Api) -> None:
    """A star beside each file, or one act for many; the list of favourites holds these alone, until they are none."""
    first, second, third = [file["id"] for file in await made(customer, count=3)]
    await owner.see("/gallery")
    await owner.send("/gallery/favourite", star=f"{first}:like")
    await owner.send("/gallery/favourite", pick=[second, third], act="like")
    liked = await owner.send("/gallery/favourite", star=f"{second}:unlike", here="liked=yes")
    nothing = await owner.send("/gallery/favourite", pick=[first, third], act="unlike", here="liked=yes")

    assert "/gallery?liked=yes" == liked.path
    assert [third, first] == NAMED.findall(liked.text)
    assert "Nothing that is kept matches these filters" in nothing.text


async def test_files_are_taken_along(owner: Person, customer: Api) -> None:
    """One as it is, several as an archive that holds their very bytes under names of their own."""
    files = await made(customer, count=2)
    contents = [await _content(customer, file["url"]) for file in files]
    await owner.see("/gallery")
    one = await _download(owner, [files[0]["id"]])
    several = await _download(owner, [file["id"] for file in files])

    assert ("image/png", contents[0]) == one[:2]
    assert "application/zip" == several[0]
    with zipfile.ZipFile(io.BytesIO(several[1])) as archive:
        assert archive.testzip() is None
        assert contents == [archive.read(name) for name in archive.namelist()]
        assert all(name.endswith(".png") for name in archive.namelist())
    assert 422 == (await owner.send("/gallery/download")).status


async def test_what_is_deleted_is_gone_and_the_rest_stays(owner: Person, customer: Api) -> None:
    """The task forgets the files that were picked, and says what it keeps."""
    gone, kept, also_gone = await made(customer, count=3)
    await owner.see("/gallery")

    told = await owner.send("/gallery/delete", pick=[gone["id"], also_gone["id"]], here="kind=image")

    assert "2 files deleted." in told.text
    assert [kept["id"]] == NAMED.findall(told.text)
    [task] = (await customer.get("/v1/tasks"))["data"]
    assert [kept["id"]] == [file["id"] for file in task["output"]["assets"]]
    assert 404 == await _status(customer, gone["url"])


async def test_files_of_others_are_not_there(
    owner: Person, viewer: Person, customer: Api, operator: Api, module_server: Server
) -> None:
    """They cannot be taken, liked or deleted; viewers of an account may take its files, and nothing else."""
    [file] = await made(customer, count=1)
    other = await new_customer(operator)
    stranger, _ = await join(operator, str(other.account_id), module_server.url)
    await stranger.see("/gallery")
    taken = await stranger.send("/gallery/download", pick=file["id"])
    await stranger.send("/gallery/favourite", pick=file["id"])
    deleted = await stranger.send("/gallery/delete", pick=[file["id"], str(uuid4())])
    await stranger.session.close()
    await viewer.see("/gallery")
    by_viewer = (await viewer.send("/gallery/delete", pick=file["id"])).status
    taken_by_viewer = await _download(viewer, [file["id"]])
    page = await owner.see("/gallery")

    assert 404 == taken.status
    assert "0 files deleted." in deleted.text
    assert 403 == by_viewer
    assert "image/png" == taken_by_viewer[0]
    assert [file["id"]] == NAMED.findall(page.text)
    assert 'aria-pressed="true"' not in page.text.partition("<main")[2]


async def test_filters_narrow_and_pages_go_on(owner: Person, customer: Api) -> None:
    """By kind, model and time; a page goes on from any file."""
    first, second, third = [file["id"] for file in await made(customer, count=3)]

    async def shown(query: str) -> list[str]:
        return NAMED.findall((await owner.see(f"/gallery?{query}")).text)

    assert [third, second, first] == await shown("kind=image&model=composer&range=1h")
    assert [second, first] == await shown(f"kind=image&before={third}")
    assert [[], [], []] == [await shown(query) for query in ("kind=video", "model=echo", "liked=yes")]


async def test_a_file_is_the_beginning_of_something_else(owner: Person, customer: Api) -> None:
    """Its link leads to a form that has it in its field; what is made of it begins with this file."""
    [file] = await made(customer, count=1)
    link = re.search(r'href="(/playground\?[^"]+)">Use as input', (await owner.see("/gallery")).text)
    assert link is not None
    page = await owner.see(link[1].replace("&amp;", "&"))

    await owner.send("/playground", offer="convert/convert", image=file["id"], format="webp")

    assert f'name="image" value="{file["id"]}"' in page.text
    assert file["id"] == (await customer.get("/v1/tasks?model=convert"))["data"][0]["input"]["image"]


async def _status(customer: Api, url: str) -> int:
    async with customer.session.get(url) as answer:
        return answer.status


async def _content(customer: Api, url: str) -> bytes:
    async with customer.session.get(url) as answer:
        return await answer.read()


async def _download(person: Person, ids: list[str]) -> tuple[str, bytes, str]:
    form = [("csrf", person.csrf), *(("pick", id_) for id_ in ids)]
    async with person.session.post(
        "/gallery/download", data=form, headers={"origin": person.origin}
    ) as answer:
        assert 200 == answer.status
        return answer.content_type, await answer.read(), answer.headers["content-disposition"]
