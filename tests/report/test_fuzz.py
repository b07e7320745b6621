"""Whatever lies in the place of a record, the report is made, with every case in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flarecli.report.comparison import with_far_values
from flarecli.report.folder import results_in
from flarecli.report.page import by_doubt, write_report_page
from flarecli.report.table import write_table
from flarecli.weights.card import sha256_of
from tests.report.results import make_record, save_result

_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\ud800", "../../etc", "</script>", "a\x00b", 10**400, 1e308, -1e308, [], {}, "x" * 5000]),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, as keys and indices."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


_RECORD = make_record("b", warnings=["odd"])
_RECORD["files"] = {
    "preview": {"file": "b.png", "sha256": "3"},
    "liver_mask": {"file": "b_liver.nii.gz", "sha256": "4"},
}
_PLACES = list(places(_RECORD))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(changes=st.lists(st.tuples(st.sampled_from(_PLACES), _VALUES), min_size=1, max_size=2))
def test_a_record_with_odd_values_is_shown(tmp_path: Path, changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    folder = tmp_path / "out"
    if not folder.exists():
        for name in ("a", "b"):
            save_result(folder, make_record(name))
    record = copy.deepcopy(_RECORD)
    record["labels"]["sha256"] = sha256_of(folder / "b.nii.gz")
    for path, value in changes:
        inside: Any = record
        for key in path[:-1]:
            if not isinstance(inside, dict | list):
                break
            inside = inside.get(key) if isinstance(inside, dict) else inside[key] if key < len(inside) else None
        if isinstance(inside, dict):
            inside[path[-1]] = value
    (folder / "b.json").write_text(json.dumps(record), encoding="utf-8")
    cases = by_doubt(with_far_values(results_in(folder).cases))
    assert sorted(case.name for case in cases) == ["a", "b"]
    write_report_page(tmp_path / "report.html", cases, title="odd")
    write_table(tmp_path / "report.csv", cases)
    data = (tmp_path / "report.html").read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0]
    assert sorted(one["name"] for one in json.loads(data)) == ["a", "b"]
