"""The reference runner of an exported system as one file: the parts that it needs, joined."""

from __future__ import annotations

import ast
import sys
from importlib.resources import files

_PACKAGE = "flarecli.export.runner"
_SHARED = ("nifti", "resampling", "components", "networks")

_HEAD = '''"""Reference runner of {title}.

Segments a CT scan with the exported networks beside this file. Needs Python 3.11, numpy and {runtime}.
The numbers of the method are in contract.json.

    python run.py scan.nii.gz labels.nii.gz
    python run.py --self-test

Written by flare {version}. Licence of this file: Apache-2.0.
"""

from __future__ import annotations

'''


def runner_source(system: str, *, title: str, runtime: str, version: str) -> str:
    """The text of the reference runner.

    Args:
        system: Name of the system.
        title: What it is, for the head of the file.
        runtime: Package that computes the networks.
        version: Of flare.
    """
    imports: dict[str, set[str]] = {}
    bodies = []
    for part in (*_SHARED, system, "command"):
        text = files(_PACKAGE).joinpath(f"{part}.py").read_text(encoding="utf-8")
        bodies.append(_body(text, imports))
    head = _HEAD.format(title=title, runtime=runtime, version=version)
    return head + _import_lines(imports) + "\n\n" + "\n\n\n".join(bodies) + "\n"


def _body(text: str, imports: dict[str, set[str]]) -> str:
    """A part without its docstring and imports, which are added to `imports`: names by module."""
    tree, lines = ast.parse(text), text.splitlines()
    (docstring, *statements) = tree.body
    last = docstring.end_lineno or 0
    for statement in statements:
        if isinstance(statement, ast.Import):
            imports.setdefault("", set()).update(ast.unparse(statement).removeprefix("import ").split(", "))
        elif isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            if module != "__future__" and not module.startswith(_PACKAGE):
                imports.setdefault(module, set()).update(alias.name for alias in statement.names)
        else:
            break
        last = statement.end_lineno or last
    return "\n".join(lines[last:]).strip("\n")


def _import_lines(imports: dict[str, set[str]]) -> str:
    plain = sorted(imports.get("", ()))
    standard = [f"import {name}" for name in plain if name.split()[0] in sys.stdlib_module_names]
    standard += [
        f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items()) if module
    ]
    others = [f"import {name}" for name in plain if name.split()[0] not in sys.stdlib_module_names]
    return "\n".join(standard) + "\n\n" + "\n".join(others)
