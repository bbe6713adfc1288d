"""The command line, a client of the HTTP API; `serve`, `doctor`, `demo` and `engines` also look at this machine.

Exit codes: 0 it worked · 1 refused or failed · 2 wrong usage or settings · 3 no gateway answers · 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vermilion import __version__
from vermilion.cli.accounts import account, key, plan
from vermilion.cli.batches import batch
from vermilion.cli.catalog import catalog
from vermilion.cli.command import Json, command, print_json
from vermilion.cli.demo import demo
from vermilion.cli.doctor import doctor
from vermilion.cli.engines import engines
from vermilion.cli.money import grant, ledger, wallet
from vermilion.cli.queues import connection, queue
from vermilion.cli.run import run
from vermilion.cli.serve import serve
from vermilion.cli.tasks import tasks
from vermilion.cli.upload import upload
from vermilion.cli.webhooks import webhooks

EXIT_CODES = "Exit codes: 0 it worked, 1 refused or failed, 2 wrong usage or settings, 3 no gateway answers."

app = typer.Typer(
    name="vermilion",
    help="A self-hosted gateway to generative media.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; exits with its code."""
    app(prog_name="vermilion")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"vermilion {__version__}")
        raise typer.Exit


@app.callback()
def _vermilion(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """A self-hosted gateway to generative media."""


def version(as_json: Json = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__, "python": sys.version.split()[0]})
    else:
        typer.echo(f"vermilion {__version__}")


app.command("serve")(serve)
app.command("demo")(demo)
command(app, "run")(run)
app.add_typer(tasks, name="tasks")
app.add_typer(webhooks, name="webhooks")
app.add_typer(batch, name="batch")
command(app, "upload")(upload)
command(app, "catalog")(catalog)
app.add_typer(wallet, name="wallet")
app.add_typer(account, name="account")
app.add_typer(key, name="key")
command(app, "grant")(grant)
app.add_typer(plan, name="plan")
app.add_typer(queue, name="queue")
app.add_typer(connection, name="connection")
app.add_typer(ledger, name="ledger")
app.add_typer(engines, name="engines")
app.command("doctor")(doctor)
app.command("version")(version)
