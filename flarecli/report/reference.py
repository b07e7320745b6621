"""Which volumes and HU are ordinary for an organ, with the sources."""

from __future__ import annotations

from flarecli.measures.anatomy.limits import VOLUMES_ML

REFERENCE_VOLUMES_ML: dict[str, tuple[float, float]] = VOLUMES_ML
"""Smallest and largest ordinary volume by organ, as for the verdicts."""

REFERENCE_HU: dict[str, tuple[float, float]] = {
    "liver": (27.0, 133.0),
    "kidneys": (-4.0, 250.0),
    "spleen": (15.0, 180.0),
    "pancreas": (-17.0, 130.0),
}
"""Lowest and highest ordinary mean HU by organ, over all contrast phases: means of public CT, unenhanced and portal
venous, widened by the 20 HU that patients of one phase differ by; textbook values of the arterial phase where those are
higher (kidney cortex 250, spleen 180)."""

SOURCES = (
    "Volumes: half the smallest to one and a half times the largest volume in the BTCV label maps (30 adults), "
    "one spleen of 3 L and one patient with hardly any kidney left out; pancreas: of 1,721 and of 204 adults "
    "(Saisho et al., Clin Anat 2007; Abdom Radiol 2019;44:958).",
    "HU: means of public CT from unenhanced (liver 47, kidneys 16, spleen 35, pancreas 3) to portal venous (liver 113, "
    "kidneys 207, spleen 120, pancreas 110), widened by 20 HU on both sides; up to textbook values of the arterial "
    "phase where those are higher (kidneys 250, spleen 180). One range for all contrast phases: within one phase it is "
    "wide, and a fatty liver lies below it.",
)
