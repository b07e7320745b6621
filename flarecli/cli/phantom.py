"""`flare phantom`: synthetic abdominal CT with labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.cli.output import print_json, print_warning, reported_errors, stderr_console, stdout_console
from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.phantom import Phantom, PreparedLabels
    from flarecli.phantom.files import PhantomPaths


_MOST_SCANS = 1000
_MOST_SHOWN = 12
_MOST_NAMED = 6
_RECORDS_NAME = "phantoms.json"


class ContrastPhase(StrEnum):
    """Choices of `--phase`."""

    random = "random"
    unenhanced = "unenhanced"
    arterial = "arterial"
    portal_venous = "portal-venous"
    delayed = "delayed"


class Strength(StrEnum):
    """Choices of `--strength`."""

    realistic = "realistic"
    wide = "wide"
    lean = "lean"


def phantom(
    folder: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="Folder to write to; made if needed.")],
    count: Annotated[int, typer.Option("--number", "-n", min=1, max=_MOST_SCANS, help="How many scans.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the first scan; increased by one for each further scan.")
    ] = 0,
    shape: Annotated[str, typer.Option(metavar="ZxYxX", help="Voxels along z, y and x.")] = "110x192x224",
    spacing: Annotated[str, typer.Option(metavar="ZxYxX", help="Voxel spacing along z, y and x, mm.")] = "2.5x1.8x1.8",
    phase: Annotated[ContrastPhase, typer.Option(help="Contrast phase.")] = ContrastPhase.random,
    strength: Annotated[
        Strength, typer.Option(help="Variation: ordinary patients, wider than real ones for training, or lean.")
    ] = Strength.realistic,
    anatomy: Annotated[
        Path | None,
        typer.Option(
            metavar="LABELS",
            help="A label map, or a folder of them: organs to deform, instead of procedural ones.",
        ),
    ] = None,
    orientation: Annotated[str, typer.Option(help="Orientation of the stored axes.")] = "RAS",
    flat: Annotated[
        bool,
        typer.Option("--flat", help="All files in one folder instead of FLARE21's TrainingImg and TrainingMask."),
    ] = False,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw slices of the first 12 scans with their labels."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Make synthetic abdominal CT scans with label maps of liver, kidneys, spleen and pancreas.

    The same options and seed give the same files. `phantoms.json` in the folder says how each was made.
    """
    with reported_errors(as_json=as_json):
        shape_zyx = _three(shape, int, "--shape")
        spacing_mm = _three(spacing, float, "--spacing")
        from flarecli.phantom.files import check_orientation, pair_paths

        pairs = [pair_paths(folder, number, flat=flat) for number in range(count)]
        check_orientation(orientation)
        sources = _label_maps(anatomy) if anatomy is not None else []
        _check_outputs(folder, pairs, preview, [path for path, _ in sources], overwrite=overwrite)

        from flarecli.files.atomic import write_json
        from flarecli.phantom import Phase, anatomy_from_labels, make_phantom, options_for
        from flarecli.phantom.contact_sheet import write_contact_sheet
        from flarecli.phantom.files import write_phantom

        chosen = None if phase is ContrastPhase.random else Phase(phase.value)
        options = options_for(strength.value, phase=chosen)
        records: list[dict[str, Any]] = []
        shown: list[Phantom] = []
        with _progress(hidden=quiet or as_json) as progress:
            for number in progress.track(range(count), description="phantoms"):
                own_seed = seed + number
                organs = None
                if sources:
                    organs = anatomy_from_labels(_anatomy_rng(own_seed), sources[number % len(sources)][1], options)
                made = make_phantom(
                    own_seed, shape_zyx=shape_zyx, spacing_mm=spacing_mm, options=options, anatomy=organs
                )
                write_phantom(made, pairs[number], orientation=orientation, replaces=overwrite)
                record = {
                    "scan": str(pairs[number].scan),
                    "labels": str(pairs[number].labels),
                    **made.facts,
                    "strength": strength.value,
                }
                if sources:
                    record["anatomy"] = str(sources[number % len(sources)][0])
                records.append(record)
                if preview is not None and len(shown) < _MOST_SHOWN:
                    shown.append(made)
        write_json(folder / _RECORDS_NAME, records, replaces=overwrite)
        if not quiet and (warning := _warning_of_others(folder, pairs)) is not None:
            print_warning(warning)
        if preview is not None:
            write_contact_sheet(preview, shown, replaces=overwrite)
        if as_json:
            print_json(records)
        elif not quiet:
            _print_table(records)


def _three(text: str, kind: type, option: str) -> Any:
    try:
        values = tuple(kind(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        values = ()
    if len(values) != 3:
        raise UsageError(
            "three numbers are needed",
            seen=f"{option} {text}",
            expected="z, y and x with an x between them, as in 110x192x224",
            remedy="Write it like this, without spaces.",
        )
    return values


def _check_outputs(
    folder: Path, pairs: list[PhantomPaths], preview: Path | None, sources: list[Path], *, overwrite: bool
) -> None:
    """Refuse what cannot be written, before anything is computed."""
    from flarecli.files.destinations import Destination, check_destinations, check_suffix

    files = [Destination(folder / _RECORDS_NAME, "record of the phantoms", overwrite)]
    for pair in pairs:
        files += [Destination(pair.scan, "scan", overwrite), Destination(pair.labels, "label map", overwrite)]
    if preview is not None:
        check_suffix(preview, "preview", ".png")
        files.append(Destination(preview, "preview", overwrite))
    check_destinations(files, sources)


def _warning_of_others(folder: Path, pairs: list[PhantomPaths]) -> str | None:
    """What names files that are called as phantoms and are not of this run, such as of an earlier one of more scans."""
    from flarecli.counts import counted
    from flarecli.files.printable import printable_name
    from flarecli.phantom.files import pair_paths

    made = {path for pair in pairs for path in (pair.scan, pair.labels)}
    possible = [pair_paths(folder, number, flat=flat) for flat in (False, True) for number in range(_MOST_SCANS)]
    named_so = {path for pair in possible for path in (pair.scan, pair.labels)} - made
    folders = sorted({path.parent for path in named_so if path.parent.is_dir()})
    others = [path for place in folders for path in sorted(place.iterdir()) if path in named_so]
    if not others:
        return None
    named = ", ".join(printable_name(path) for path in others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return (
        f"{_RECORDS_NAME} does not list {counted(len(others), 'file')} in the folder that may be of an earlier run: "
        f"{named}{more}"
    )


def _label_maps(source: Path) -> list[tuple[Path, PreparedLabels]]:
    from flarecli.datasets.organ_masks import without_organ_masks
    from flarecli.files.names import SCAN_SUFFIXES
    from flarecli.metrics.label_map import Fractions, read_label_map
    from flarecli.metrics.pairing import inventory_of_labels
    from flarecli.phantom.organs.label_maps import prepare_labels

    inventory = without_organ_masks(inventory_of_labels(str(source)))
    if not inventory.files:
        raise inventory.nothing_found(f"label maps ({', '.join(SCAN_SUFFIXES)})")
    if (warning := inventory.warning()) is not None:
        print_warning(warning)
    maps = []
    for path in inventory.files:
        read = read_label_map(path, fractions=Fractions.UNLABELLED)
        maps.append((path, prepare_labels(read.labels, read.spacing_mm)))
    return maps


def _anatomy_rng(seed: int) -> Any:
    import numpy as np

    return np.random.default_rng([seed, 1])


def _progress(*, hidden: bool) -> Any:
    from rich.progress import Progress

    console = stderr_console()
    return Progress(console=console, transient=True, disable=hidden or not console.is_terminal)


def _print_table(records: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from flarecli.organs import ORGANS

    table = Table("scan", "phase", *[f"{organ.name} ml" for organ in ORGANS], box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for record in records:
        volumes = [f"{record['volumes_ml'][organ.name]:.0f}" for organ in ORGANS]
        table.add_row(escape(record["scan"]), record["phase"], *volumes)
    stdout_console().print(table)
