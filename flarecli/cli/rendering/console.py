"""A Rich console that escapes control characters, such as those in file names."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from flarecli.files.printable import printable


class SafeConsole(Console):
    """Shows control characters of texts as escapes; colours that the command itself sets are kept."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Render a text, as Rich does all that is printed, cells of tables included."""
        return super().render_str(printable(text), **options)
