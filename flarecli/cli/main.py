"""The `flare` command: assembles the verbs.

A verb's module is imported when the verb is called. It imports typer and lightweight modules only; what is heavy
(numpy, Keras, nibabel) it imports inside the function that needs it, so that help answers at once.
"""

from __future__ import annotations

import typer

from flarecli import __version__
from flarecli.cli.startup.lazy_verbs import HELP_OPTIONS, Verb, lazy_group

VERBS = (
    Verb(
        "predict",
        "flarecli.cli.predict:predict",
        "Segment liver, kidneys, spleen and pancreas in a CT scan, or in every scan of a folder.",
        frozenset({"scans", "output", "statistics_file", "preview_file", "report_file", "listed", "scheduler"}),
    ),
    Verb(
        "view",
        "flarecli.cli.view:view",
        "Show a scan with its label maps in the browser: three planes, 3-D, volumes, verdicts and DSC.",
    ),
    Verb(
        "report",
        "flarecli.cli.report:report",
        "Make a page or table of a folder of results, the least certain cases first; no network is run.",
    ),
    Verb(
        "collect",
        "flarecli.cli.collect:collect",
        "Collect the statistics of all cases of a folder of results in one table.",
    ),
    Verb(
        "evaluate",
        "flarecli.cli.evaluate.command:app",
        "Score predictions by organ and case, as the FLARE challenges do.",
        frozenset({"pred", "gt", "csv_file", "report_file", "images", "share", "scheduler"}),
    ),
    Verb(
        "profile",
        "flarecli.cli.profile:profile",
        "Measure time, memory and arithmetic of a system: each step, in cold and in warm runs.",
    ),
    Verb(
        "preprocess",
        "flarecli.cli.preprocess:preprocess",
        "Check a dataset of scans with label maps, and store it for training.",
        frozenset({"dataset", "cache_folder", "scheduler"}),
    ),
    Verb(
        "train",
        "flarecli.cli.train:train",
        "Train a network on the cases of a cache, on synthetic scans that are generated during training, or on both.",
        frozenset({"scheduler"}),
    ),
    Verb(
        "phantom",
        "flarecli.cli.phantom:phantom",
        "Make synthetic abdominal CT scans with label maps of liver, kidneys, spleen and pancreas.",
    ),
    Verb(
        "systems",
        "flarecli.cli.networks.systems:systems",
        "List the segmentation systems: networks, parameters, multiply-adds, input sizes, weights, licence, paper.",
    ),
    Verb(
        "export",
        "flarecli.cli.networks.export:export",
        "Write a system for use without flare: networks, contract, self-test and a reference runner in one file.",
    ),
    Verb("weights", "flarecli.cli.networks.weights:app", "List, show, import and verify the weights of the networks."),
    Verb(
        "doctor",
        "flarecli.cli.doctor:doctor",
        "Check packages, machine, folders and weights, and try every backend.",
    ),
)

app = typer.Typer(
    name="flare",
    cls=lazy_group(VERBS),
    help="Segment liver, kidneys, spleen and pancreas in CT: fast, exact, in little memory.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_OPTIONS},
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
