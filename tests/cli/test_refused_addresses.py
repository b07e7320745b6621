"""Addresses of servers are refused wherever they are not taken: in each argument and option of each verb."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from flarecli.cli.main import app

_TAKING: dict[tuple[str, ...], set[str]] = {
    ("predict",): {"scans", "output", "statistics_file", "preview_file", "report_file", "listed", "scheduler"},
    ("evaluate",): {"pred", "gt", "csv_file", "report_file", "images", "share", "scheduler"},
    ("preprocess",): {"dataset", "cache_folder", "scheduler"},
    ("train",): {"scheduler"},
}
"""As docs/remote.md has it; schedulers of Dask are named as tcp://HOST:PORT."""

_NOT_ALONE = {"statistics": "table.csv", "system": "flarelite", "network": "locate"}
"""Options that a command does not begin without."""


def _leaves(command: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    command = getattr(command, "command", command)  # a verb that is imported when it is called
    if command.callback is not None and (command.params or not hasattr(command, "commands")) and names:
        yield names, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _leaves(below, (*names, name))


def _types(kind: Any) -> set[Any]:
    return {kind} if not get_args(kind) else {found for part in get_args(kind) for found in _types(part)}


def _texts(command: Any) -> Iterator[Any]:
    """The parameters that are a path or text, or a list of these."""
    hints = get_type_hints(inspect.unwrap(command.callback))
    return (parameter for parameter in command.params if _types(hints[parameter.name]) & {str, Path})


def _arguments(command: Any, chosen: Any, text: str) -> list[str]:
    """What calls a command with a text for one parameter, and with something for all that have to be given."""
    given = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            given.append(text if parameter is chosen else "x")
        elif parameter is chosen:
            given += [max(parameter.opts, key=len), text]
        elif parameter.required:
            given += [max(parameter.opts, key=len), _NOT_ALONE[parameter.name]]
    return given


_COMMANDS = dict(_leaves(get_command(app)))
_CASES = [
    (names, parameter.name)
    for names, command in _COMMANDS.items()
    for parameter in _texts(command)
    if parameter.name not in _TAKING.get(names, ())
]


def test_every_command_is_tried() -> None:
    assert {"phantom", "export", "train", "profile", "report", "collect", "view"} <= {names[0] for names in _COMMANDS}
    assert {("evaluate", "compare"), ("evaluate", "rank"), ("weights", "import")} <= _COMMANDS.keys()
    for names, taking in _TAKING.items():
        assert taking <= {parameter.name for parameter in _texts(_COMMANDS[names])}, names
    tried = {(*names, name) for names, name in _CASES}
    assert {("train", "first"), ("train", "synthesize_from"), ("profile", "labels"), ("predict", "reference")} <= tried


@pytest.mark.parametrize(("names", "parameter_name"), _CASES, ids=[" ".join((*names, name)) for names, name in _CASES])
def test_an_address_is_refused_where_none_is_taken(
    names: tuple[str, ...], parameter_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = _COMMANDS[names]
    (parameter,) = (parameter for parameter in command.params if parameter.name == parameter_name)
    for address in ("s3://bucket/a/b.csv", "https://user:word@host/a.png?signature=secret", "gs://bucket/a"):
        result = CliRunner().invoke(app, [*names, *_arguments(command, parameter, address)])
        assert result.exit_code == 2, result.output
        assert "takes no addresses of servers" in result.stderr
        assert address.partition("://")[0] + "://" in result.stderr
        assert "secret" not in result.output
        assert "word@" not in result.output
        assert "docs/remote.md" in result.stderr
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("names", "parameter_name"), [(names, name) for names in _TAKING for name in sorted(_TAKING[names])]
)
def test_an_address_is_left_to_what_takes_it(names: tuple[str, ...], parameter_name: str) -> None:
    command = _COMMANDS[names]
    (parameter,) = (parameter for parameter in command.params if parameter.name == parameter_name)
    result = CliRunner().invoke(app, [*names, *_arguments(command, parameter, "ftp://host/a"), "--no-such-option"])
    assert result.exit_code == 2
    assert "takes no addresses of servers" not in result.output


def test_programs_get_the_error_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["phantom", "s3://bucket/phantoms", "--json"])
    error = json.loads(result.stdout)["error"]
    assert (error["kind"], error["problem"]) == ("usage", "OUT_DIR takes no addresses of servers")
    assert error["seen"] == "s3://bucket/phantoms"


@pytest.mark.parametrize("text", ["refine=s3://bucket/a.weights.h5", "s3://bucket/a.weights.h5"])
def test_weights_of_one_network_are_no_address_either(text: str) -> None:
    result = CliRunner().invoke(app, ["export", "x", "--weights", text])
    assert "--weights takes no addresses of servers" in result.stderr


def test_weights_are_not_imported_into_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLARE_WEIGHTS", "s3://bucket/weights")
    arguments = ["weights", "import", "x", "--system", "efficientscn", "--network", "localisation"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "FLARE_WEIGHTS=s3://bucket/weights" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_message_of_anonymous_runs_does_not_show_the_address() -> None:
    result = CliRunner().invoke(app, ["predict", "a", "b", "--reference", "s3://jane.doe/ct", "--anonymous"])
    assert "--reference takes no addresses of servers" in result.stderr
    assert "jane" not in result.output


def test_a_folder_with_a_colon_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["collect", "./s3://records", "--statistics", "study:/table.csv"])
    assert "addresses" not in result.output
    assert result.exit_code == 3
