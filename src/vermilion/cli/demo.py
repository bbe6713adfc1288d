"""`vermilion demo`: the main job from end to end through real HTTP, for somebody who has never seen it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from vermilion.cli.client import Client, open_client
from vermilion.cli.command import run_guarded
from vermilion.cli.demo_server import Found, gateway, sample_photo
from vermilion.cli.failures import CommandFailed, program
from vermilion.cli.money import verdict_line, wallet_line
from vermilion.cli.pictures import show_pictures
from vermilion.cli.progress import Task, Watch, board, follow
from vermilion.cli.run import picture_line, save_assets
from vermilion.cli.show import mark, money, say, show_grid
from vermilion.cli.where import Where

PROMPT = "a red fox in a snowy forest at sunrise"
OUTPUT = Path("demo-output")
TOPUP_UNITS = 50_000_000
ENTRIES_SHOWN = 5
MEANINGS = {
    ("grant", "grant"): "put in",
    ("hold", "held"): "held for a task",
    ("capture", "revenue"): "charged at its end",
    ("release", "grant"): "given back",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """The demo's own account."""

    account_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to ask for; `name` is its file's."""

    label: str
    name: str
    body: dict[str, Any]


def demo(
    photo: Annotated[
        Path | None,
        typer.Option(
            envvar="PHOTO", help="Cut out this photograph instead of the sample.", show_default=False
        ),
    ] = None,
) -> None:
    """Open an account, make a picture, cut out a photograph, and show what it cost."""
    run_guarded(lambda: asyncio.run(_stoppable(_demo(_existing(photo) if photo else sample_photo()))))


def _existing(photo: Path) -> Path:
    if not photo.is_file():
        raise CommandFailed(f"There is no photograph {photo}.", fix="name one that exists: --photo PATH")
    return photo


async def _stoppable(work: Awaitable[int]) -> int:
    """SIGTERM ends the demo as an interrupt does, so that its gateway is stopped as well."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _demo(photo: Path) -> int:
    say("", "Vermilion: from a prompt to a paid, stored result", "")
    async with gateway() as found, open_client(found.where) as operator:
        customer = await _open_account(operator)
        async with open_client(Where(found.where.url, customer.key, "the demo's account")) as client:
            _show_start(found, customer, await client.get("/v1/wallet"))
            tasks = await _run_both(client, photo)
            saved = await _save(client, tasks)
            await _show_books(client, operator, saved)
    _show_next(found, customer)
    return 0


async def _open_account(operator: Client) -> Customer:
    if operator.where.key is None:
        raise CommandFailed(
            f"There is no operator's key: none in VERMILION_OPERATOR_KEY, none in {operator.where.key_source}.",
            fix="choose one (16 characters or more): VERMILION_OPERATOR_KEY=… make demo",
        )
    name = f"demo-{uuid4().hex[:8]}"
    account = await operator.post("/admin/v1/accounts", {"name": name, "email": f"{name}@example.org"})
    root = f"/admin/v1/accounts/{account['id']}"
    grant = {"units": TOPUP_UNITS, "kind": "topup", "reason": "demo"}
    await operator.post(f"{root}/grants", grant, once=name)
    key = await operator.post(f"{root}/keys", {"name": "demo"})
    return Customer(account["id"], key["key"])


async def _run_both(client: Client, photo: Path) -> list[tuple[Job, Task]]:
    upload = await client.upload(photo)
    cut = {"model": "cutout", "task_type": "remove-background", "input": {"image": upload["id"]}}
    paint = {"model": "composer", "task_type": "text-to-image", "input": {"prompt": PROMPT}}
    jobs = [
        Job(f"“{PROMPT}”", "picture", paint),
        Job(f"{photo.name} without its background", f"{photo.stem}-cutout", cut),
    ]
    width = max(len(job.label) for job in jobs)
    with board() as add:
        tasks = await asyncio.gather(*(_run(client, job, add(job.label.ljust(width))) for job in jobs))
    return list(zip(jobs, tasks, strict=True))


async def _run(client: Client, job: Job, watch: Watch) -> Task:
    task = await client.post("/v1/tasks", job.body, once=str(uuid4()))
    ended = await follow(client, task, watch)
    if ended["status"] != "completed":
        reason = (ended["error"] or {}).get("message", f"it was {ended['status']}")
        raise CommandFailed(f"{job.label}: {reason}", fix=f"{program()} doctor")
    return ended


def _show_start(found: Found, customer: Customer, wallet: dict[str, Any]) -> None:
    how = "started for this demo" if found.started else "it was running already"
    show_grid(
        [
            ("Gateway", f"{found.where.url} ({how})"),
            ("Account", customer.account_id),
            ("Wallet", wallet_line(wallet)),
        ]
    )
    say("")


async def _save(client: Client, tasks: list[tuple[Job, Task]]) -> list[str]:
    """Save what came back, show it where the terminal can, and answer a line about each file."""
    files, lines = [], []
    for job, task in tasks:
        saved = await save_assets(client, task, OUTPUT, job.name)
        files += saved
        lines += [picture_line(*each) for each in zip(saved, task["output"]["assets"], strict=True)]
    say("")
    show_pictures(files)
    return lines


async def _show_books(client: Client, operator: Client, saved: list[str]) -> None:
    wallet = await client.get("/v1/wallet")
    entries = (await client.get("/v1/wallet/entries", query={"limit": ENTRIES_SHOWN}))["data"]
    verdict = await operator.get("/admin/v1/ledger/verification")
    statement = [
        f"{money(e['units']):>6}  {MEANINGS.get((e['kind'], e['target']), e['kind'])}" for e in entries
    ]
    show_grid(
        [
            *_rows("Saved", saved),
            ("Wallet", wallet_line(wallet)),
            *_rows("Statement", statement[::-1]),
            ("Ledger", verdict_line(verdict)),
        ]
    )
    if not verdict["balanced"]:
        raise CommandFailed("The ledger does not balance.", fix=f"{program()} ledger verify")


def _rows(title: str, lines: list[str]) -> list[tuple[str, str]]:
    return [("" if number else title, line) for number, line in enumerate(lines)]


def _show_next(found: Found, customer: Customer) -> None:
    say("")
    show_grid([(mark(True), "Everything worked. Next:")])
    steps = ["make serve      (keeps a gateway running; then, in another terminal:)"] if found.started else []
    steps += [f"export VERMILION_API_KEY={customer.key}", f'{program()} run "a lighthouse at dusk"']
    say(*(f"   {step}" for step in steps), "")
