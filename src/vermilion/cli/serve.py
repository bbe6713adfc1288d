"""`vermilion serve`: run the gateway until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vermilion.cli.command import run_guarded
from vermilion.cli.where import read_settings


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [VERMILION_HOST].", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on [VERMILION_PORT].", show_default=False)
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept [VERMILION_DATA_DIR].", show_default=False)
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="all, api, worker or engine [VERMILION_ROLE].", show_default=False)
    ] = None,
) -> None:
    """Run the gateway until interrupted; SIGTERM finishes what is in hand first."""
    given = {"host": host, "port": port, "data_dir": data_dir, "role": role}
    run_guarded(lambda: _serve({name: value for name, value in given.items() if value is not None}))


def _serve(overrides: dict[str, object]) -> int:
    settings = read_settings(**overrides)
    from vermilion import server  # noqa: PLC0415  (the whole server; no other command needs it)
    from vermilion.logs import set_up_logs  # noqa: PLC0415  (the same)

    set_up_logs(settings.log_level, settings.log_format)
    return server.serve(settings)
