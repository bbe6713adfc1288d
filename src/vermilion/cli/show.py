"""How things look to a person at a terminal: tables, money, times; nothing here asks the gateway anything."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vermilion.domain.money import dollars

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDTH_PIPED = 200  #: columns when nobody looks at a terminal
STATUS_COLOURS = {"completed": "green", "failed": "red", "cancelled": "yellow", "processing": "cyan"}
GOOD_STATES = {"active", "completed", "delivered", "yes"}


def console(*, stderr: bool = False) -> Console:
    """A console that fits the terminal, and does not wrap when there is none."""
    from rich.console import Console  # noqa: PLC0415  (slow; --help does without)

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else WIDTH_PIPED)


def say(*lines: str | Text) -> None:
    """Print lines as they are: what came from outside is never read as markup."""
    out = console()
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print a table; a column whose name starts with `>` holds numbers. Without rows, say `empty`."""
    from rich.table import Table  # noqa: PLC0415  (slow; --help does without)

    filled = [[_cell(value) for value in row] for row in rows]
    if not filled:
        say(empty)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        # Ids are there to be copied, so they keep their length.
        table.add_column(
            name.lstrip(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=name == "id" or name.startswith(">"),
            overflow="fold",
        )
    for row in filled:
        table.add_row(*row)
    _print_trimmed(table)


def show_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Print names and values below each other; a value that is None is left out."""
    show_grid([(name, value) for name, value in facts if value is not None])


def show_grid(rows: Sequence[tuple[Any, ...]]) -> None:
    """Print rows as columns without a heading; the first column is quiet."""
    from rich.table import Table  # noqa: PLC0415  (slow; --help does without)

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    for row in rows:
        table.add_row(*[_cell(value) for value in row])
    _print_trimmed(table)


def more(page: dict[str, Any]) -> list[str]:
    """The line that says how to read on, if there is more."""
    return [f"More: --cursor {page['next_cursor']}"] if page.get("next_cursor") else []


def when(text: str | None) -> str | None:
    """A time of the API in this machine's zone, to the minute."""
    return None if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")


def money(units: int | None) -> str | None:
    """Units as dollars."""
    return None if units is None else dollars(units)


def status_text(status: str) -> Text:
    """A status in its colour."""
    from rich.text import Text  # noqa: PLC0415  (slow; --help does without)

    return Text(status, style=STATUS_COLOURS.get(status, ""))


def size(size_bytes: int) -> str:
    """A number of bytes for a person."""
    for unit, step in (("MB", 1_000_000), ("kB", 1_000)):
        if size_bytes >= step:
            return f"{size_bytes / step:.1f} {unit}"
    return f"{size_bytes} B"


def mark(good: bool) -> Text:
    """A tick or a cross."""
    from rich.text import Text  # noqa: PLC0415  (slow; --help does without)

    return Text("✓", style="green") if good else Text("✗", style="bold red")


def _print_trimmed(table: Table) -> None:
    """Print a table without the blanks that fill its last column."""
    out = console()
    with out.capture() as captured:
        out.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _cell(value: Any) -> Any:
    from rich.text import Text  # noqa: PLC0415  (slow; --help does without)

    if isinstance(value, Text):
        return value
    if isinstance(value, list | tuple):
        return Text(", ".join(str(item) for item in value))
    return Text("–" if value is None else str(value))
