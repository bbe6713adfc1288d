"""`vermilion run`: ask for one thing, watch it being made, keep what comes back."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer

from vermilion.cli.client import Client
from vermilion.cli.command import Answer
from vermilion.cli.completion import complete_models, complete_task_types
from vermilion.cli.failures import CommandFailed, WrongUsage, program
from vermilion.cli.options import Pairs, pairs_of
from vermilion.cli.pictures import show_pictures
from vermilion.cli.progress import board, follow
from vermilion.cli.show import money, say, size
from vermilion.cli.tasks import exit_code_of

PROMPT_OFFER = (
    "composer",
    "text-to-image",
)  #: what a bare prompt asks for, and its model without a task type
Offer = dict[str, Any]


async def run(
    client: Client,
    *,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|PROMPT",
            help="A model, or just a prompt.",
            autocompletion=complete_models,
            show_default=False,
        ),
    ],
    task_type: Annotated[
        str | None,
        typer.Argument(metavar="TASK_TYPE", help="What it shall do.", autocompletion=complete_task_types),
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What to make.")] = None,
    inputs: Annotated[
        Pairs,
        typer.Option("--input", "-i", metavar="NAME=VALUE", help="Any input; local files are uploaded."),
    ] = None,
    image: Annotated[str | None, typer.Option(metavar="PATH_OR_URL", help="The picture to work on.")] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where to save what comes back.")] = Path(),
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Is told when the task ends.")] = None,
    metadata: Annotated[Pairs, typer.Option(metavar="KEY=VALUE", help="Notes to find the task by.")] = None,
    parent: Annotated[
        UUID | None, typer.Option(metavar="TASK", help="The task that this follows up.")
    ] = None,
    priority: Annotated[int | None, typer.Option(help="0 (first) to 9.")] = None,
    deadline_s: Annotated[float | None, typer.Option(help="Give up after so many seconds.")] = None,
    quote: Annotated[bool, typer.Option("--quote", help="Only say what it would cost.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for the end.")] = False,
) -> Answer:
    """Make one thing: `run "a red fox in snow"`, `run cutout --image photo.jpg`, `run MODEL TASK_TYPE -i name=value`.

    Files that are named are uploaded, what comes back is saved, and pictures are shown where the terminal can.
    """
    given = {*pairs_of(inputs), *(["image"] if image else []), *(["prompt"] if prompt else [])}
    offer, bare_prompt = _choose(await _offers(client), model, task_type, given)
    body = {
        "model": offer["model"],
        "task_type": offer["task_type"],
        "input": await _input(
            client, offer, prompt=prompt or bare_prompt, image=image, pairs=pairs_of(inputs)
        ),
        "webhook": {"url": webhook} if webhook else None,
        "metadata": pairs_of(metadata) or None,
        "parent_id": str(parent) if parent else None,
        "priority": priority,
        "deadline_s": deadline_s,
    }
    if quote:
        quoted = await client.post("/v1/quotes", body)
        return Answer(quoted, lambda: say(f"It would cost {money(quoted['units'])}."))
    task = await client.post("/v1/tasks", body, once=str(uuid4()))
    if detach:
        return Answer(
            task, lambda: say(f"Accepted: {task['id']}", f"Follow it: {program()} tasks watch {task['id']}")
        )
    return await _finish(client, task, out)


async def save_assets(client: Client, task: dict[str, Any], folder: Path, name: str) -> list[Path]:
    """The files of an ended task, saved as `name.ext`, or `name-1.ext`, `name-2.ext`… Raises CommandFailed."""
    assets = (task["output"] or {}).get("assets", [])
    name = name.replace("/", "-")  # as in names of models
    files = [
        folder / f"{name}{f'-{number}' if len(assets) > 1 else ''}{_suffix(asset)}"
        for number, asset in enumerate(assets, start=1)
    ]
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        for file, asset in zip(files, assets, strict=True):
            await client.download(asset["url"], file)
    except OSError as broken:
        message = f"Cannot save into {folder}: {broken.strerror}."
        raise CommandFailed(message, fix="choose another folder: --out") from None
    return files


def picture_line(file: Path, asset: dict[str, Any]) -> str:
    """A saved file in one line."""
    pixels = f"{asset['width']} × {asset['height']}, " if asset.get("width") else ""
    return f"{file} ({pixels}{size(asset['size_bytes'])})"


def _suffix(asset: dict[str, Any]) -> str:
    return mimetypes.guess_extension(asset["content_type"]) or ".bin"


async def _finish(client: Client, task: dict[str, Any], out: Path) -> Answer:
    try:
        with board(stderr=True) as add:
            task = await follow(client, task, add(f"{task['model']}/{task['task_type']}"))
    except BaseException:
        typer.echo(f"The task goes on without us: {program()} tasks watch {task['id']}", err=True)
        raise
    if task["status"] != "completed":
        return Answer(task, lambda: _show_failure(task), exit_code=exit_code_of(task))
    saved = await save_assets(client, task, out, f"{task['model']}-{task['id'][-12:]}")
    return Answer(task, lambda: _show_result(task, saved))


def _show_result(task: dict[str, Any], saved: list[Path]) -> None:
    show_pictures(saved)
    for file, asset in zip(saved, task["output"]["assets"], strict=True):
        say(f"Saved    {picture_line(file, asset)}")
    for name, value in task["output"].items():
        if isinstance(value, str | int | float):
            say(f"{name.capitalize():8} {value}")
    say(f"Charged  {money(task['usage']['charged'])}")


def _show_failure(task: dict[str, Any]) -> None:
    error = task["error"] or {"message": f"the task was {task['status']}"}
    say(f"Nothing came of it: {error['message']}", f"Charged  {money(task['usage']['charged'])}")


async def _offers(client: Client) -> list[Offer]:
    offers: list[Offer] = (await client.get("/v1/catalog"))["data"]
    return offers


def _choose(
    offers: list[Offer], word: str, task_type: str | None, given: set[str]
) -> tuple[Offer, str | None]:
    """The offer that the words name, and the prompt if they are one; of several, the one that takes what is given."""
    if task_type is None and not any(offer["model"] == word for offer in offers):
        if " " not in word.strip():
            raise WrongUsage(f"There is no model {word!r} here.", fix=_how_to_ask(word))
        return _choose(offers, *PROMPT_OFFER, given)[0], word
    if task_type is None and word == PROMPT_OFFER[0]:
        task_type = PROMPT_OFFER[1]
    of_model = [offer for offer in offers if offer["model"] == word]
    found = [offer for offer in of_model if task_type in {None, offer["task_type"]}]
    if len(found) > 1:
        found = [
            offer for offer in found if given and given == given & set(offer["input_schema"]["properties"])
        ]
    if len(found) == 1:
        return found[0], None
    choices = ", ".join(sorted(f"{offer['model']} {offer['task_type']}" for offer in of_model or offers))
    raise WrongUsage(f"Say what to run; there are: {choices}.", fix=f"{program()} catalog tells more")


def _how_to_ask(word: str) -> str:
    command = f'{program()} run composer --prompt "{word}"'
    return f"{program()} catalog lists the models; a prompt of one word is written: {command}"


async def _input(
    client: Client, offer: Offer, *, prompt: str | None, image: str | None, pairs: dict[str, str]
) -> dict[str, Any]:
    fields: dict[str, Any] = offer["input_schema"]["properties"]
    given: dict[str, Any] = {name: _typed(fields.get(name, {}), value) for name, value in pairs.items()}
    if prompt is not None:
        given["prompt"] = prompt
    if image is not None:
        media = [name for name, field in fields.items() if field.get("format") == "media"]
        given["image" if "image" in fields or not media else media[0]] = image
    return {name: await _with_uploads(client, fields.get(name, {}), value) for name, value in given.items()}


async def _with_uploads(client: Client, field: dict[str, Any], value: Any) -> Any:
    """The value, or what stands for it when the field takes files."""
    if field.get("format") == "media":
        return await _as_media(client, value)
    if field.get("items", {}).get("format") == "media" and isinstance(value, list):
        return [await _as_media(client, str(one)) for one in value]
    return value


def _typed(field: dict[str, Any], value: str) -> Any:
    """What was typed, as the field's schema wants it."""
    if field.get("type") == "string":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


async def _as_media(client: Client, value: str) -> str:
    """A URL, data URI or upload id as it is; a local file as the id of its upload."""
    if value.startswith(("http://", "https://", "data:")):
        return value
    if (file := _local_file(value)) is not None:
        return str((await client.upload(file))["id"])
    try:
        return str(UUID(value))
    except ValueError:
        raise WrongUsage(f"There is no file {value}, and it is no URL and no upload id.") from None


def _local_file(value: str) -> Path | None:
    file = Path(value).expanduser()
    return file if file.is_file() else None
