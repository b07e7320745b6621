"""Settings of the documentation, built by `just docs`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("KERAS_BACKEND", "openvino")  # the reference is read from modules that import Keras

import command_pages  # noqa: E402

from flarecli import __version__  # noqa: E402

project = "flare"
author = "the flare developers"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"flare {release}"
html_show_copyright = False

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

man_pages = [("command_line", "flare", "segment abdominal organs in CT", [author], 1)]

command_pages.write(HERE / "command_line.md")
