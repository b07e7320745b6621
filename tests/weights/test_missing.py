"""What is said where there are no weights."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.errors import InputError
from flarecli.systems import SYSTEM_NAMES, system_named
from flarecli.weights import store
from flarecli.weights.importing import import_published
from flarecli.weights.missing import missing_weights


def commands_of(text: str) -> list[list[str]]:
    """The arguments of all `flare` commands in a text."""
    return [shlex.split(line[line.index("flare ") :]) for line in text.splitlines() if "flare " in line]


@pytest.mark.parametrize("system", SYSTEM_NAMES)
def test_every_network_gets_commands_that_exist(system: str) -> None:
    specs = system_named(system).networks
    commands = commands_of(missing_weights(system, [spec.key for spec in specs]).remedy)
    published = sum(spec.published_file is not None for spec in specs)
    assert [command[1] for command in commands] == [
        *["weights"] * published,
        "preprocess",
        *["train"] * len(specs),
        "predict",
    ]
    for _, verb, *arguments in commands:
        known = get_command(app).commands[verb].command
        if verb == "weights":
            known, arguments = known.commands[arguments[0]], arguments[1:]
        known.make_context(verb, arguments, resilient_parsing=False)


@pytest.mark.parametrize("system", [name for name in SYSTEM_NAMES if system_named(name).publication])
def test_the_networks_named_can_be_imported(system: str, tmp_path: Path) -> None:
    for spec in system_named(system).networks:
        with pytest.raises(InputError, match="published weights cannot be read"):
            import_published(tmp_path / "missing", system, spec.key, tmp_path)


@pytest.mark.parametrize(
    ("system", "file"), [("efficientsegnet", "efficient_fine_model/best_model.pt"), ("vgg13", "epoch.pth")]
)
def test_the_command_line_says_so(system: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "bundled")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path))
    scan = tmp_path / "scan.nii.gz"
    scan.touch()
    result = CliRunner().invoke(app, ["predict", str(scan), str(tmp_path / "out.nii.gz"), "--system", system])
    assert result.exit_code == 3
    assert f"no weights are installed for {system}/" in result.stderr
    assert system_named(system).publication.repository in result.stderr
    assert f"{file} --system {system} --network" in result.stderr
    lines = result.stderr.splitlines()
    assert all(line.startswith("  ") for line in lines[1:])
