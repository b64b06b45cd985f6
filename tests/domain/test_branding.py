"""Accent colours that can be read, by day and in the dark."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.base import Invalid
from csms.domain.branding import HOUSE_ACCENT, colours, nearest, shades_of

ENOUGH = 4.5
COLOURS = st.integers(0, 0xFFFFFF).map(lambda x: f"#{x:06x}")


def test_contrast_is_that_of_the_guidelines():
    assert colours.contrast("#ffffff", "#000000") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@given(COLOURS)
def test_what_is_offered_for_any_colour_can_be_read_everywhere(colour):
    shades = shades_of(nearest(colour))
    assert colours.least_contrast(shades.day, colours.BY_DAY) >= ENOUGH
    assert colours.least_contrast(shades.dark, colours.IN_THE_DARK) >= ENOUGH
    assert colours.contrast(shades.day_pressed, colours.WHITE) >= ENOUGH
    assert colours.contrast(shades.dark_pressed, colours.NIGHT) >= ENOUGH
    assert nearest(shades.day) == shades.day


def test_a_colour_that_is_good_is_taken_as_it_is():
    assert colours.readable(" #0B62C4 ") == HOUSE_ACCENT


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#0b62c4;}", "#ffd400", "#ffffff"])
def test_others_are_refused(colour):
    with pytest.raises(Invalid):
        colours.readable(colour)


@pytest.mark.parametrize("file", ["app.css", "land.css"])
def test_every_ground_of_the_pages_is_looked_at(file):
    style = (Path(__file__).parents[2] / "static" / file).read_text()
    grounds = {
        f"#{x}"
        for pair in re.findall(r"-tint: (?:light-dark\()?#(\w{6})(?:, #(\w{6}))?", style)
        for x in pair
        if x
    }
    assert grounds <= {*colours.BY_DAY, *colours.IN_THE_DARK}
