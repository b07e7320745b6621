"""What part of a run was what."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import flarecli.systems
from flarecli.profiling.run_profile import cold_run_profile
from flarecli.profiling.shares import KINDS, shares_of_run
from flarecli.profiling.step_meter import Span
from tests.profiling.made_up import cold_run


def test_every_moment_counts_once() -> None:
    """Loading beside reading, reading beside the network: what the run could not do without is what counts."""
    run = replace(
        cold_run_profile(cold_run()),
        spans=(
            Span("start", 0.0, 1.0, 0.0, 0.0),
            Span("read", 1.0, 3.0, 0.0, 0.0),
            Span("load", 1.0, 4.0, 0.0, 0.0),
            Span("locate", 4.0, 8.0, 0.0, 0.0),
            Span("write", 7.0, 9.0, 0.0, 0.0),
            Span("exit", 9.0, 10.0, 0.0, 0.0),
        ),
    )

    assert shares_of_run(run) == pytest.approx({"import": 0.2, "read": 0.2, "network": 0.4, "other": 0.2})


def test_steps_in_which_systems_call_networks_are_known() -> None:
    """Every step of a system's source in whose body a network is called counts as network."""
    called = set()
    for path in Path(flarecli.systems.__file__).parent.rglob("system.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_step = isinstance(node, ast.With) and ast.unparse(node.items[0].context_expr).startswith("steps(")
            if is_step and any(
                isinstance(inner, ast.Call)
                and (ast.unparse(inner.func).startswith("networks[") or ast.unparse(inner.func) == "network")
                for inner in ast.walk(node)
            ):
                called.add(ast.literal_eval(node.items[0].context_expr.args[0]))

    assert called == {"locate", "refine", "localize", "segment"}
    assert {KINDS[name] for name in called} == {"network"}
