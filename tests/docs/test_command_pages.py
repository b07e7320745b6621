"""The page of the command line is made from the command."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def command_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("command_pages", DOCS / "command_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_verb_and_option_is_on_the_page(command_pages: ModuleType, tmp_path: Path) -> None:
    command_pages.write(tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    found = dict(command_pages.commands())

    assert {"flare predict", "flare evaluate compare", "flare weights show", "flare doctor"} <= set(found)
    for name, command in found.items():
        assert f"\n## {name}\n" in text
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert f"`{parameter.opts[0]}`" in text, f"{name} {parameter.opts[0]}"


def test_a_page_that_is_up_to_date_is_left_alone(command_pages: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    command_pages.write(page)
    before = page.stat().st_mtime_ns
    command_pages.write(page)

    assert page.stat().st_mtime_ns == before
