"""The order of the organs in the body."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from flarecli.measures.anatomy.limits import KIDNEY_HEIGHTS_MM
from flarecli.measures.anatomy.shapes import OrganShape
from flarecli.organs import BOTH_KIDNEYS_NAME, LEFT_KIDNEY_NAME, RIGHT_KIDNEY_NAME

_Z, _Y, _X = range(3)


def misplaced(shapes: Mapping[str, OrganShape], *, cut_above: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Name and reason of each organ that does not lie where it should beside another one.

    All rules hold in the manual label maps of the 13 BTCV scans, by 10 mm or more.

    Args:
        shapes: The organs that were found, by name; the kidneys apart.
        cut_above: Organs that end at the scan's superior face.
    """
    liver, spleen, pancreas = (shapes.get(name) for name in ("liver", "spleen", "pancreas"))
    kidneys = [shapes[name] for name in (RIGHT_KIDNEY_NAME, LEFT_KIDNEY_NAME) if name in shapes]
    if liver and spleen and spleen.centre_mm[_X] > liver.centre_mm[_X]:
        yield "spleen", "lies to the right of the liver: wrong, mirrored, or situs inversus"
        yield "liver", "lies to the left of the spleen: wrong, mirrored, or situs inversus"
    elif liver and spleen and pancreas:
        x_mm = pancreas.centre_mm[_X]
        if not spleen.centre_mm[_X] <= x_mm <= liver.centre_mm[_X]:
            yield "pancreas", "does not lie between spleen and liver"
    for organ in (spleen, pancreas):
        if liver and organ and not _share_height(liver, organ):
            yield organ.name, f"lies wholly {_where(organ, liver)} the liver"
    for kidney in kidneys:
        if liver and kidney.box_mm.end_mm[_Z] < liver.box_mm.start_mm[_Z]:
            yield BOTH_KIDNEYS_NAME, f"{kidney.name} lies wholly below the liver"
        if liver and "liver" not in cut_above and kidney.box_mm.end_mm[_Z] > liver.box_mm.end_mm[_Z]:
            yield BOTH_KIDNEYS_NAME, f"{kidney.name} reaches above the liver's dome"
        if pancreas and kidney.centre_mm[_Y] > pancreas.centre_mm[_Y]:
            yield BOTH_KIDNEYS_NAME, f"{kidney.name} lies in front of the pancreas"
            yield "pancreas", f"lies behind the {kidney.name}"
    if len(kidneys) == 2 and abs(kidneys[0].centre_mm[_Z] - kidneys[1].centre_mm[_Z]) > KIDNEY_HEIGHTS_MM:
        yield BOTH_KIDNEYS_NAME, "right and left kidney lie at different heights"


def _share_height(one: OrganShape, other: OrganShape) -> bool:
    return one.box_mm.start_mm[_Z] < other.box_mm.end_mm[_Z] and other.box_mm.start_mm[_Z] < one.box_mm.end_mm[_Z]


def _where(organ: OrganShape, other: OrganShape) -> str:
    return "above" if organ.centre_mm[_Z] > other.centre_mm[_Z] else "below"
