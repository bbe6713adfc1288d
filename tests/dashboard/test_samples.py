"""The code that the playground shows does what it says: each sample is run as it stands and makes the very task."""

from __future__ import annotations

import asyncio
import html
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.dashboard.people import Person
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server

pytestmark = pytest.mark.slow

SAMPLE = re.compile(r'aria-label="([^"]+)"><code>(.*?)</code>', re.DOTALL)
DIALECTS = ("curl", "Python", "GoAPI", "ImaginePro", "OpenAI batch", "Command line")
IN_PYTHON = ("Python", "OpenAI batch")
NASTY = """it's a "fox" & $HOME `id` \\ ü <b>"""
COMPOSER, FLUX, ECHO = "composer/text-to-image", "Qubico/flux1-schnell/txt2img", "echo/echo"


async def asking(owner: Person, *query: tuple[str, str]) -> tuple[dict[str, str], str]:
    """The samples of a filled-in playground by dialect, and the page."""
    return await shown(owner, "/playground?" + urlencode(query))


async def shown(owner: Person, path: str) -> tuple[dict[str, str], str]:
    """The samples of a page by dialect, and the page."""
    page = (await owner.see(path)).text
    code = {name: html.unescape(text) for name, text in SAMPLE.findall(page) if name in DIALECTS}
    return code, page


async def run(dialect: str, code: str, customer: Api, *, url: str, folder: Path) -> None:
    """Run a sample as a person would who has put the key where it says."""
    assert customer.key is not None
    environment = {**os.environ, "VERMILION_API_KEY": customer.key, "VERMILION_URL": url}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"  # where `vermilion` is
    command = [sys.executable, "-c", code] if dialect in IN_PYTHON else ["bash", "-c", f"set -e\n{code}"]
    ran = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(ran.communicate(), PATIENCE_S)
    assert 0 == ran.returncode, f"{dialect}: {said.decode()}"


async def made_by(
    samples: dict[str, str], customer: Api, *, url: str, folder: Path, count: int = 1
) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """What each dialect's sample makes: model and input of every task."""
    made = {}
    known = {task["id"] for task in (await customer.get("/v1/tasks"))["data"]}
    for dialect, code in samples.items():
        place = folder / dialect.replace(" ", "-")
        place.mkdir()
        await run(dialect, code, customer, url=url, folder=place)
        tasks = await _new_tasks(customer, known, count=count)
        known |= {task["id"] for task in tasks}
        made[dialect] = sorted(((task["model"], task["input"]) for task in tasks), key=repr)
    return made


async def _new_tasks(customer: Api, known: set[str], *, count: int) -> list[dict[str, Any]]:
    """The tasks that were made since; those of a batch come by and by."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            tasks = [task for task in (await customer.get("/v1/tasks"))["data"] if task["id"] not in known]
            if len(tasks) >= count:
                return tasks
            await asyncio.sleep(0.1)


async def test_every_dialect_makes_the_same_tasks(
    owner: Person, customer: Api, tmp_path: Path, module_server: Server
) -> None:
    """Two models asked the same, with everything in the prompt that shells and languages stumble over."""
    samples, _ = await asking(
        owner,
        ("offer", COMPOSER),
        ("with", FLUX),
        ("prompt", NASTY),
        ("size", "256"),
        ("1:width", "256"),
        ("1:height", "256"),
    )

    made = await made_by(samples, customer, url=module_server.url, folder=tmp_path, count=2)

    both = [
        ("Qubico/flux1-schnell", {"prompt": NASTY, "width": 256, "height": 256}),
        ("composer", {"prompt": NASTY, "size": 256}),
    ]
    assert dict.fromkeys(("curl", "Python", "GoAPI", "OpenAI batch", "Command line"), both) == made


@pytest.mark.parametrize(
    ("offer", "given", "asked"),
    [
        (FLUX, {"batch_size": "2"}, {"batch_size": 2}),
        ("midjourney/imagine", {}, {"process_mode": "relax"}),
        ("midjourney/imagine", {"process_mode": "turbo"}, {"process_mode": "turbo"}),
    ],
)
async def test_imaginepros_contract_makes_the_same_task(
    offer: str,
    given: dict[str, str],
    asked: dict[str, Any],
    owner: Person,
    customer: Api,
    tmp_path: Path,
    module_server: Server,
) -> None:
    """Where it has a call for it: the same model with the same input, defaults that differ there being said."""
    samples, page = await asking(owner, ("offer", offer), ("prompt", NASTY), *given.items())

    made = await made_by(
        {"ImaginePro": samples["ImaginePro"]}, customer, url=module_server.url, folder=tmp_path
    )

    [(model, task_input)] = made["ImaginePro"]
    assert offer.startswith(model + "/")
    assert {"prompt": NASTY, **asked} == task_input
    assert "contract cannot ask for this" not in page


async def test_a_task_says_how_to_make_it_again(
    owner: Person, customer: Api, tmp_path: Path, module_server: Server
) -> None:
    """The code on a follow-up's own page follows the same task, in every dialect that can."""
    first = await customer.echo("first", prefer="wait=20")
    asked = {"model": "echo", "task_type": "echo", "input": {"prompt": "next"}, "parent_id": first["id"]}
    task = await customer.post("/v1/tasks", asked)
    samples, page = await shown(owner, f"/tasks/{task['id']}")

    await made_by(samples, customer, url=module_server.url, folder=tmp_path)
    followed = (await customer.get(f"/v1/tasks?parent_id={first['id']}"))["data"]

    assert ["curl", "Python", "GoAPI", "OpenAI batch", "Command line"] == list(samples)
    assert 1 + len(samples) == len(followed)
    assert {"next"} == {task["input"]["prompt"] for task in followed}
    assert "follow-ups are buttons of a message there" in page


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ([("offer", ECHO)], "it has no call for echo echo"),
        ([("offer", FLUX), ("width", "256")], "it has no field for width of Qubico/flux1-schnell txt2img"),
        ([("offer", "midjourney/blend")], "it does midjourney blend with process_mode fast only"),
    ],
)
async def test_what_a_contract_cannot_ask_for_is_said(
    query: list[tuple[str, str]], why: str, owner: Person
) -> None:
    """No tab that would not work, and the reason in its place."""
    samples, page = await asking(owner, *query)

    assert "ImaginePro" not in samples
    assert f"ImaginePro&#39;s contract cannot ask for this: {why}." in page
