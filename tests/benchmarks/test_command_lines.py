"""Every benchmark can be imported and says what it takes; what is documented of it is true."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTATION = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def _modules() -> list[str]:
    found = sorted((ROOT / "benchmarks").rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in found]


def _text(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")


MODULES = _modules()
BENCHMARKS = [module.removesuffix(".__main__") for module in MODULES if '__name__ == "__main__"' in _text(module)]


@cache
def help_of(benchmark: str) -> str:
    """What `python -m BENCHMARK --help` prints, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [benchmark, "--help"])
        patch.setenv("COLUMNS", "120")
        printed: list[str] = []
        patch.setattr(sys.stdout, "write", printed.append)
        patch.delitem(sys.modules, benchmark, raising=False)  # runpy warns where another test has imported it
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(benchmark, run_name="__main__")
    assert ended.value.code in (0, None)
    return "".join(printed)


def documented() -> list[tuple[str, str, str]]:
    """Each `python -m benchmarks.NAME ...` of pages and docstrings: where it stands, benchmark, arguments."""
    texts = {page.name: page.read_text(encoding="utf-8") for page in DOCUMENTATION}
    texts |= {module: ast.get_docstring(ast.parse(_text(module))) or "" for module in MODULES}
    call = re.compile(r"python -m (benchmarks[.\w]*)([^\n`#]*)")
    return [
        (where, match[1], match[2].strip())
        for where, text in texts.items()
        for match in call.finditer(text)
        if match[1] != "benchmarks.NAME"
    ]


def test_there_are_benchmarks() -> None:
    assert len(BENCHMARKS) >= 18


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_benchmark_says_what_it_takes(benchmark: str) -> None:
    assert help_of(benchmark).startswith("usage: ")


@pytest.mark.parametrize(("where", "benchmark", "arguments"), documented())
def test_documented_options_are_those_of_the_benchmark(where: str, benchmark: str, arguments: str) -> None:
    assert benchmark in BENCHMARKS
    options = set(re.findall(r"--[\w-]+", arguments))
    assert options - set(re.findall(r"--[\w-]+", help_of(benchmark))) == set()


def test_files_named_in_the_documentation_are_there() -> None:
    named = {
        match
        for page in DOCUMENTATION
        for match in re.findall(r"benchmarks/[\w/]+\.py", page.read_text(encoding="utf-8"))
    }
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_no_page_runs_a_benchmark_as_a_file() -> None:
    """Benchmarks import each other by their package's name."""
    texts = [page.read_text(encoding="utf-8") for page in DOCUMENTATION]
    texts += [_text(module) for module in MODULES]
    assert [found for text in texts for found in re.findall(r"python benchmarks/\S+", text)] == []
