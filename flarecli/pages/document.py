"""The one way in which pages are made: one base template, one style sheet, and a content security policy that allows
the page's own style and script alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2

from flarecli.files.atomic import atomic_text

_PAGE = "page.html"
_STYLE = "page.css"
_SCRIPT = "page.js"
_MARK_WITHIN_BYTES = 2048


def has_mark(path: Path, mark: bytes) -> bool:
    """Whether a file is a page that has a mark near its beginning, so that a later run may replace it."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return mark in file.read(_MARK_WITHIN_BYTES)
    except OSError:
        return False


def write_page(destination: Path, package: str, content: Mapping[str, Any], *, replaces: bool = True) -> None:
    """Write the page of a package, atomically, part by part as the template yields it.

    Args:
        destination: The HTML file; `-` is standard output.
        package: Name of the package, as in imports.
        content: What the templates show, by name; see `page_parts`.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    parts = page_parts(package, content)
    with atomic_text(destination, replaces=replaces) as file:
        for part in parts:
            file.write(part)


def page_parts(package: str, content: Mapping[str, Any], *, connects: bool = False) -> Iterator[str]:
    """The page of a package in parts, as the template yields them.

    The folder `templates` of the package holds `page.html`, which extends `shared/base.html`; its `page.css` and
    `page.js`, where there are such, follow what all pages share. Everything that is put into a template is escaped.

    Args:
        package: Name of the package, as in imports.
        content: What the templates show, by name. `module`, where there is one, is the text of a module script.
        connects: Whether the page may fetch from the server that it came from; otherwise it fetches nothing at all.
    """
    environment = jinja2.Environment(
        loader=jinja2.PrefixLoader(
            {
                "shared": jinja2.PackageLoader("flarecli.pages", "shared"),
                "own": jinja2.PackageLoader(package, "templates"),
            }
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    style, script = (
        environment.from_string(f'{{% include "shared/{name}" %}}{{% include "own/{name}" ignore missing %}}').render(
            content
        )
        for name in (_STYLE, _SCRIPT)
    )
    module = content.get("module", "")
    return environment.get_template(f"own/{_PAGE}").generate(
        {
            **content,
            "style": style,
            "script": script,
            "module": module,
            "style_source": _source(style),
            "script_sources": " ".join(_source(text) for text in (script, module) if text),
            "connect_source": "'self'" if connects else "",
        }
    )


def json_for_script(content: Any) -> str:
    """JSON that can stand in a `<script>` element: no character in it can end the element."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _source(text: str) -> str:
    """What the content security policy calls an inline style or script (CSP level 2, section 4.2.5)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
