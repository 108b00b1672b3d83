"""The command line: a file a command, each of which calls the library and prints what it says."""

import typer

from . import calibrate, costs, doctor, drift, files, packages, run, setup, status, uninstall

app = typer.Typer(
    name="cellblock",
    help="Run Python code in a warm, jailed sandbox.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("calibrate")(calibrate.command)
app.command("costs")(costs.command)
app.command("doctor")(doctor.command)
app.command("drift")(drift.command)
app.command("run")(run.command)
app.command("setup")(setup.command)
app.command("status")(status.command)
app.command("uninstall")(uninstall.command)
app.add_typer(files.app, name="files")
app.add_typer(packages.app, name="packages")


def main() -> None:
    app()
