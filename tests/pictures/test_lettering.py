from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from flarecli.pictures.lettering import fitted, width_px, write


def drawn(text: str) -> np.ndarray:
    picture = Image.new("RGB", (300, 40))
    write(ImageDraw.Draw(picture), (4, 4), text, 20, (255, 255, 255), "la")
    return np.asarray(picture)


def test_text_is_drawn_as_wide_as_announced() -> None:
    columns = np.flatnonzero(drawn("kidneys").any(axis=(0, 2)))
    assert columns[-1] - columns[0] + 1 == pytest.approx(width_px("kidneys", 20), abs=4)


@pytest.mark.parametrize(("text", "shown"), [("Fälle é", "Falle e"), ("中\n", "??"), ("a\x00b", "a?b")])
def test_letters_that_the_font_lacks_are_replaced(text: str, shown: str) -> None:
    np.testing.assert_array_equal(drawn(text), drawn(shown))


def test_a_text_that_fits_stays() -> None:
    assert fitted("case_0001", 20, 300) == "case_0001"


@pytest.mark.parametrize("room_px", [60, 150, 299])
def test_a_long_text_keeps_both_ends_and_fits(room_px: int) -> None:
    text = "study_2021-05-03_portal_venous_phase_0001"
    short = fitted(text, 20, room_px)
    assert width_px(short, 20) <= room_px
    head, tail = short.split("...")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert head
    assert tail
