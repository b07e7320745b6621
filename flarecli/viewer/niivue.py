"""The viewing library NiiVue, as contained in the package ipyniivue.

ipyniivue exports a Jupyter widget only. For the pages that the widget can save it contains NiiVue's own ES module,
percent-encoded in one string of its script; that module, with its public names, is what a page of `flare` uses.
Source: ipyniivue `static/widget.js`, the string that `saveHTML` is given; NiiVue is BSD-2-Clause.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

from flarecli.errors import InstallationError

_GLOBAL = "niivue"
"""Name of the library in the script of the page."""

_LEAST_MODULE_BYTES = 500_000
_LITERAL = re.compile(rf'"((?:[^"\\\n]){{{_LEAST_MODULE_BYTES},}})"')
_EXPORTS = re.compile(r"\bexport\s*\{([^{}]*)\}\s*;?\s*$")
_NEEDED = ("NVImage", "NVMesh", "Niivue")
INSTALL = "Install it with: pip install 'flarecli[view]'"


def niivue_script() -> str:
    """NiiVue as the text of a module script that offers its public names as `globalThis.niivue`.

    Raises:
        InstallationError: when ipyniivue is not installed, or does not hold the module.
    """
    return script_of_widget(_widget_file())


@cache
def script_of_widget(path: Path) -> str:
    """The same from a given `widget.js`.

    Raises:
        InstallationError: when it does not hold the module.
    """
    try:
        widget = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unknown(path, str(error)) from error
    found = max(_LITERAL.findall(widget), key=len, default="")
    module = unquote(found)
    exports = _EXPORTS.search(module)
    if exports is None:
        raise _unknown(path, "no ES module in it")
    names = dict(_exported(part) for part in exports.group(1).split(",") if part.strip())
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise _unknown(path, f"no {' and no '.join(missing)} in its module")
    members = ",".join(f"{public}:{own}" for public, own in names.items())
    script = f"{module[: exports.start()]}globalThis.{_GLOBAL}={{{members}}};"
    return re.sub(r"</(?=script)", r"<\\/", script, flags=re.IGNORECASE).replace("<!--", "<\\!--")


def _exported(part: str) -> tuple[str, str]:
    """Public and own name of one export, as in `NVMesh3 as NVMesh`."""
    own, _, public = part.strip().partition(" as ")
    return (public or own).strip(), own.strip()


def _widget_file() -> Path:
    spec = find_spec("ipyniivue")
    if spec is None or spec.origin is None:
        raise InstallationError("the viewer needs ipyniivue, which is not installed", remedy=f"{INSTALL}.")
    return Path(spec.origin).parent / "static" / "widget.js"


def _unknown(path: Path, seen: str) -> InstallationError:
    return InstallationError(
        "this version of ipyniivue holds no NiiVue that the viewer can use",
        path=path,
        seen=seen,
        expected="the widget's script with NiiVue's ES module, as in ipyniivue 2.4.4",
        remedy=f"{INSTALL}, or pip install ipyniivue==2.4.4.",
    )
