"""Turns an async function that calls the API into a command with `--url`, `--key` and `--json`."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from vermilion.cli.client import open_client
from vermilion.cli.failures import INTERRUPTED, CommandFailed
from vermilion.cli.where import find_where

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The gateway [VERMILION_URL; else VERMILION_HOST and _PORT].",
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="The API key [VERMILION_API_KEY; else the operator's key of this place].",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the API's JSON and nothing else.")]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found: the API's JSON, how to show it to a person, and the exit code."""

    data: Any
    show: Callable[[], None]
    exit_code: int = 0


Work = TypeVar("Work", bound=Callable[..., Awaitable[Answer]])


class ShowsFirst(TyperGroup):
    """A group whose bare name means its command `show`: `vermilion wallet` is `vermilion wallet show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` in front of what is not one of the group's commands."""
        if not args or (args[0].startswith("-") and args[0] not in {"--help", "-h"}):
            args = ["show", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def new_group(title: str, **options: Any) -> typer.Typer:
    """A group of commands."""
    options.setdefault("no_args_is_help", True)
    return typer.Typer(help=title, add_completion=False, pretty_exceptions_enable=False, **options)


def command(group: typer.Typer, name: str, **options: Any) -> Callable[[Work], Work]:
    """Registers `async def work(client, …) -> Answer` as a command of the group; the function stays as it is."""

    def register(work: Work) -> Work:
        group.command(name, help=inspect.getdoc(work), **options)(_runnable(work))
        return work

    return register


def run_guarded(work: Callable[[], int]) -> None:
    """Run to an exit code; failures become lines on stderr and their own exit codes."""
    try:
        code = work()
    except CommandFailed as failed:
        print_failure(failed)
        code = failed.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = INTERRUPTED
    raise typer.Exit(code)


def print_failure(failed: CommandFailed) -> None:
    """Say what went wrong and what fixes it, on stderr."""
    first, *more = failed.lines()
    typer.echo(typer.style("error: ", fg="red", bold=True) + first, err=True)
    for line in more:
        typer.echo(line, err=True)


def print_json(data: Any) -> None:
    """Print JSON on stdout, as a person and a program can read it."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def _runnable(work: Callable[..., Awaitable[Answer]]) -> Callable[..., None]:
    """A plain function with the options of the work, and the shared ones, as typer wants to see it."""

    def run(*, url: str | None, key: str | None, as_json: bool, **given: Any) -> None:
        run_guarded(lambda: asyncio.run(_finish(work, given, url=url, key=key, as_json=as_json)))

    own = list(inspect.signature(work, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in (("url", None, Url), ("key", None, Key), ("as_json", False, Json))
    ]
    taken = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + shared
    run.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in taken}
    return run


async def _finish(
    work: Callable[..., Awaitable[Answer]],
    given: dict[str, Any],
    *,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> int:
    async with open_client(find_where(url, key)) as client:
        answer = await work(client, **given)
    if as_json:
        print_json(answer.data)
    else:
        answer.show()
    return answer.exit_code
