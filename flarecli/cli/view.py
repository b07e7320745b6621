"""`flare view`: a scan with its label maps in the browser."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.cli.output import print_json, print_json_line, print_warning, reported_errors, stderr_console
from flarecli.cli.startup.signals import exit_code_of
from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.viewer.server import ViewerServer

_CTRL_C = 128 + signal.SIGINT  # how a viewer is ended, not an interruption
_MOST_MAPS = 4
_MB = 1e6


def view(
    scan: Annotated[Path, typer.Argument(metavar="SCAN", help="The scan: a file, or a folder with a DICOM series.")],
    labels: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[LABELS ...]",
            help="Its label maps; the second and further ones are drawn as outlines and compared with the first.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write one self-contained page instead of serving one."),
    ] = None,
    max_mb: Annotated[
        float | None,
        typer.Option("--max-mb", metavar="MB", min=5, help="Largest page; larger scans are downsampled (60)."),
    ] = None,
    open_page: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the page in the browser; the default without --html."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address, or the file, as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")] = False,
) -> None:
    """Show a scan with its label maps in the browser: three planes, 3-D, volumes, verdicts and DSC.

    The page is served on this machine alone, at an address that holds a secret, until the page is closed or Ctrl-C
    is pressed. Nothing is fetched from anywhere else.
    """
    with reported_errors(as_json=as_json):
        maps = list(labels or ())
        if len(maps) > _MOST_MAPS:
            raise UsageError(
                "too many label maps",
                seen=len(maps),
                expected=f"at most {_MOST_MAPS}",
                remedy="Look at some of them at a time.",
            )
        if max_mb is not None and html is None:
            raise UsageError(
                "--max-mb limits a page that is written", seen=f"--max-mb {max_mb:g}", remedy="Add --html FILE.html."
            )
        is_quiet = quiet or as_json
        if html is None:
            _serve(scan, maps, opens=open_page is not False, as_json=as_json, quiet=is_quiet)
        else:
            _write(scan, maps, html, max_mb or _DEFAULT_MB, overwrite=overwrite, quiet=is_quiet)
            if as_json:
                print_json({"page": str(html)})
            if open_page:
                _open(html.resolve().as_uri(), quiet=is_quiet)


_DEFAULT_MB = 60.0


def _write(scan: Path, maps: list[Path], html: Path, max_mb: float, *, overwrite: bool, quiet: bool) -> None:
    from flarecli.files.destinations import Destination, check_destinations
    from flarecli.viewer.content import embedded_content
    from flarecli.viewer.niivue import niivue_script
    from flarecli.viewer.page import check_viewer_path, is_viewer_page, write_viewer_page

    check_viewer_path(html)
    check_destinations([Destination(html, "page", overwrite or is_viewer_page(html))], [scan, *maps])
    room = max_mb * _MB - len(niivue_script()) - _PAGE_BYTES
    with _steps(quiet) as told:
        facts, files = embedded_content(scan, maps, most_bytes=room, told=told)
        told("writing the page")
        write_viewer_page(html, facts, files, replaces=overwrite or is_viewer_page(html))
    _warn(facts, quiet)


_PAGE_BYTES = 200_000
"""Markup, style, script and figures, rather more than less."""


def _serve(scan: Path, maps: list[Path], *, opens: bool, as_json: bool, quiet: bool) -> None:
    from flarecli.viewer.content import served_content
    from flarecli.viewer.niivue import niivue_script
    from flarecli.viewer.page import served_page
    from flarecli.viewer.server import ViewerServer

    niivue_script()  # before anything is read: it may be missing
    with _steps(quiet) as told:
        content = served_content(scan, maps, told=told)
    with content.scan:
        _run(
            ViewerServer(served_page(content.facts), content), content.facts, opens=opens, as_json=as_json, quiet=quiet
        )


def _run(server: ViewerServer, facts: dict[str, Any], *, opens: bool, as_json: bool, quiet: bool) -> None:
    """Serve until the page is closed or Ctrl-C is pressed."""
    _warn(facts, quiet)

    def ready(address: str) -> None:
        if as_json:
            print_json_line({"address": address})
        else:
            typer.echo(address)
        if not quiet:
            stderr_console().print("Close the page or press Ctrl-C to end.", highlight=False)
        if opens:
            _open(address, quiet=quiet)

    try:
        server.run(ready)
    except KeyboardInterrupt as interruption:
        if exit_code_of(interruption) != _CTRL_C:
            raise


def _open(address: str, *, quiet: bool) -> None:
    import webbrowser

    if not webbrowser.open(address) and not quiet:
        print_warning("no browser could be started; open the address above in one, or the page that was written")


def _warn(facts: dict[str, Any], quiet: bool) -> None:
    if quiet:
        return
    for warning in facts["warnings"]:
        print_warning(warning)
    if facts["reduced"]:
        print_warning(facts["reduced"])


@contextmanager
def _steps(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line on standard error that says what is being done, where that is a terminal."""
    console = stderr_console()
    if quiet or not console.is_terminal:
        yield lambda step: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=step)
