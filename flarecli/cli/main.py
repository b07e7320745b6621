"""The `flare` command: assembles the verbs.

Verb modules import typer and lightweight modules only; what is heavy (numpy, Keras, nibabel) they
import inside the function that needs it, so that `flare --help` answers at once.
"""

from __future__ import annotations

import typer

from flarecli import __version__
from flarecli.cli import evaluate, weights
from flarecli.cli.doctor import doctor
from flarecli.cli.phantom import phantom
from flarecli.cli.predict import predict
from flarecli.cli.preprocess import preprocess
from flarecli.cli.profile import profile
from flarecli.cli.systems import systems
from flarecli.cli.train import train

app = typer.Typer(
    name="flare",
    help="Segment liver, kidneys, spleen and pancreas in CT: fast, exact, in little memory.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flare {__version__}")
        raise typer.Exit


@app.callback()
def _flare(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Options that stand before every verb."""


app.command("predict")(predict)
app.command("profile")(profile)
app.command("preprocess")(preprocess)
app.command("train")(train)
app.command("phantom")(phantom)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(weights.app, name="weights")
app.command("systems")(systems)
app.command("doctor")(doctor)
