"""`vermilion engines`: the engines in the box and the packs that can be added to it, on this machine."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vermilion.cli.command import Json, new_group, print_json, run_guarded
from vermilion.cli.failures import CommandFailed, WrongUsage, program
from vermilion.cli.show import console, mark, say, show_table, size
from vermilion.cli.where import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vermilion.engines.packs.description import Pack
    from vermilion.engines.packs.shelf import Shelf

engines = new_group("The engines on this machine: list, add, remove and check packs.")
MB = 1_000_000


def _complete_packs(incomplete: str) -> list[str]:
    from vermilion.engines.packs.description import known_packs  # noqa: PLC0415  (slow; --help does without)

    return [name for name in known_packs() if name.startswith(incomplete)]


Name = Annotated[
    str, typer.Argument(metavar="PACK", help="As `list` names it.", autocompletion=_complete_packs)
]


@engines.command("list")
def list_engines(as_json: Json = False) -> None:
    """Show what is in the box and which packs there are, with state, size and licences."""
    run_guarded(lambda: _list(as_json=as_json))


@engines.command("add")
def add(
    name: Name,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|NAME",
            help="The model for a pack that brings only a runtime: a folder, or its name on the hub.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Download a pack, check it and put it in place; a gateway that runs here takes it up by itself."""
    run_guarded(lambda: _add(name, weights, as_json=as_json))


@engines.command("remove")
def remove(name: Name, as_json: Json = False) -> None:
    """Delete a pack from this machine; its offers then say that they need it."""
    run_guarded(lambda: _remove(name, as_json=as_json))


@engines.command("check")
def check(
    name: Annotated[
        str | None, typer.Argument(metavar="[PACK]", help="Only this one.", autocompletion=_complete_packs)
    ] = None,
    as_json: Json = False,
) -> None:
    """Read every installed file again and let each engine do a small job; exit code 1 if anything is wrong."""
    run_guarded(lambda: asyncio.run(_check(name, as_json=as_json)))


def _list(*, as_json: bool) -> int:
    from vermilion.engines.packs.built_in import built_in_parts  # noqa: PLC0415  (slow; --help does without)
    from vermilion.engines.packs.description import known_packs  # noqa: PLC0415  (the same)

    shelf = _shelf()
    parts = [_part_view(part) for part in built_in_parts()]
    packs = [_pack_view(shelf, pack) for pack in known_packs().values()]
    if as_json:
        print_json({"built_in": parts, "packs": packs})
        return 0
    columns = ("engine", "state", ">size", "licence of the code", "licence of the weights", "what it is")
    rows = [
        (v["name"], v["state"], _shown_size(v), v["licences"]["code"], v["licences"]["weights"], v["title"])
        for v in (*parts, *packs)
    ]
    show_table(columns, rows, empty="")
    say("", f"Add a pack:  {program()} engines add PACK   ·   its offers:  {program()} catalog PACK")
    return 0


def _part_view(part: Any) -> dict[str, Any]:
    fault = part.fault()
    return {
        "name": part.name,
        "title": part.title,
        "state": "broken" if fault else "built in",
        "size_bytes": part.size_bytes(),
        "licences": _licences(part.licences),
        "fault": fault,
    }


def _pack_view(shelf: Shelf, pack: Pack) -> dict[str, Any]:
    receipt = shelf.receipt(pack)
    return {
        "name": pack.name,
        "title": pack.title,
        "version": pack.version,
        "state": shelf.state(pack).value,
        "size_bytes": receipt.size_bytes if receipt else None,
        "download_bytes": pack.download_mb * MB,
        "licences": _licences(pack.licences),
        "packages": {package.name: package.version for package in pack.packages},
        "offers": _offers(pack.name),
        "folder": str(shelf.place(pack)) if receipt else None,
        **({"model": str(shelf.model_of(pack) or "")} if pack.weights_from_operator else {}),
    }


def _licences(licences: Any) -> dict[str, str]:
    return {"code": licences.code, "weights": licences.weights, "note": licences.note}


def _offers(pack: str) -> list[str]:
    from vermilion.catalog import load_catalogue  # noqa: PLC0415  (slow; --help does without)

    offers = load_catalogue(echo=False).offers.values()
    return [f"{offer.model}/{offer.task_type}" for offer in offers if offer.pack == pack]


def _shown_size(view: dict[str, Any]) -> str:
    if view["size_bytes"]:
        return size(view["size_bytes"])
    return f"{view['download_bytes'] // MB} MB to load" if view.get("download_bytes") else "–"


def _add(name: str, weights: str | None, *, as_json: bool) -> int:
    from vermilion.engines.packs.install import InstallFailed, install  # noqa: PLC0415  (slow)
    from vermilion.engines.packs.shelf import State  # noqa: PLC0415  (slow)
    from vermilion.engines.packs.weights import bring_weights  # noqa: PLC0415  (slow)

    pack, shelf = _pack(name), _shelf()
    if weights and not pack.weights_from_operator:
        raise WrongUsage(f"The pack {name} brings its own weights.", fix=f"{program()} engines add {name}")
    _say_licences(pack, quiet=as_json)
    try:
        if shelf.state(pack) not in (State.INSTALLED, State.NEEDS_WEIGHTS):
            with _download_bar(pack) as on_bytes:
                install(shelf, pack, on_bytes)
        if weights:
            bring_weights(shelf, pack, weights)
    except InstallFailed as failed:
        raise CommandFailed(f"{name}: {failed}.", fix=failed.fix) from failed
    except KeyboardInterrupt:
        say("", f"Nothing was installed. Go on where it stopped:  {program()} engines add {name}")
        raise
    view = _pack_view(shelf, pack)
    if as_json:
        print_json(view)
        return 0
    say(f"{name} is {view['state']}: {', '.join(view['offers'])}")
    if view.get("model"):
        say(f"  model    {view['model']}")
    if view["state"] == State.NEEDS_WEIGHTS:
        say(f"→ it needs a model of yours:  {program()} engines add {name} --weights FOLDER")
    else:
        say("A gateway that runs on this data folder offers it within a few seconds.")
    return 0


def _say_licences(pack: Pack, *, quiet: bool) -> None:
    if quiet:
        return
    say(
        f"{pack.name}: {pack.title}",
        f"  code     {pack.licences.code}",
        f"  weights  {pack.licences.weights}",
        *([f"  note     {pack.licences.note}"] if pack.licences.note else []),
    )


@contextmanager
def _download_bar(pack: Pack) -> Iterator[Callable[[int], None]]:
    """A bar on stderr over the expected size; nothing is drawn where nobody looks."""
    from rich.progress import (  # noqa: PLC0415  (slow; --help does without)
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    out = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, disable=not out.is_terminal, transient=True) as bar:
        total = pack.download_mb * MB
        row = bar.add_task(f"loading {pack.name}", total=total)

        def on_bytes(arrived: int) -> None:
            bar.update(
                row,
                completed=min(arrived, total),
                description="unpacking" if arrived >= total else f"loading {pack.name}",
            )

        yield on_bytes


def _remove(name: str, *, as_json: bool) -> int:
    from vermilion.engines.packs.install import InstallFailed, remove  # noqa: PLC0415  (slow)

    pack, shelf = _pack(name), _shelf()
    try:
        removed = remove(shelf, pack)
    except InstallFailed as failed:
        raise CommandFailed(f"{name}: {failed}.", fix=failed.fix) from failed
    if as_json:
        print_json({"name": name, "removed": removed})
    else:
        say(f"{name} is removed." if removed else f"{name} was not installed.")
    return 0


async def _check(name: str | None, *, as_json: bool) -> int:
    from vermilion.engines.packs.built_in import built_in_parts  # noqa: PLC0415  (slow; --help does without)
    from vermilion.engines.packs.check import fault_of  # noqa: PLC0415  (the same)
    from vermilion.engines.packs.description import known_packs  # noqa: PLC0415  (the same)
    from vermilion.engines.packs.shelf import State  # noqa: PLC0415  (the same)

    shelf, memory = _shelf(), read_settings().engine_memory_mib * 2**20
    found: dict[str, str | None] = {}
    if name is None:
        found = {part.name: part.fault() for part in built_in_parts()}
    wanted = [_pack(name)] if name else known_packs().values()
    for pack in wanted:
        if name or shelf.state(pack) != State.MISSING:
            found[pack.name] = await fault_of(shelf, pack, memory_bytes_max=memory)
    if as_json:
        print_json({"ok": not any(found.values()), "engines": found})
    else:
        show_table(("", "engine", ""), [(mark(not f), n, f or "works") for n, f in found.items()], empty="")
    return 1 if any(found.values()) else 0


def _pack(name: str) -> Pack:
    from vermilion.engines.packs.description import known_packs  # noqa: PLC0415  (slow; --help does without)

    pack = known_packs().get(name)
    if pack is None:
        raise WrongUsage(f"There is no pack {name!r}; there are: {', '.join(known_packs())}.")
    return pack


def _shelf() -> Shelf:
    from vermilion.engines.packs.shelf import Shelf  # noqa: PLC0415  (slow; --help does without)

    return Shelf(Path(read_settings().data_dir).absolute())
