"""Colours that can be read: WCAG 2.2's contrast, and the nearest shade of a colour that has enough of it.

Colours are written `#0b62c4`. The accent is the ink of links and the ground of the main button, in light and in dark.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable
from dataclasses import dataclass

from csms.domain.base import Invalid

HOUSE_ACCENT = "#0b62c4"
ENOUGH = 4.5  # WCAG 2.2, 1.4.3
WHITE, NIGHT = "#ffffff", "#0a1626"  # what is written on the accent, by day and in the dark
# What links stand on: pages, cards, and the tints of notices. As in app.css and land.css.
BY_DAY = (
    WHITE,
    "#f6f7f9",
    "#f0f2f5",
    "#eef4fb",
    "#dff8e3",
    "#e0f2ff",
    "#ffecd4",
    "#f4ebff",
    "#ffe7e2",
    "#eef0f3",
)
IN_THE_DARK = (
    *(NIGHT, "#161a20", "#0f1216", "#12161b", "#1a2634"),
    *("#11331b", "#172c49", "#3e2503", "#302445", "#451e1b", "#282c2f"),
)
STEPS = 200  # between a colour and black, or white
PRESSED_BY_DAY, PRESSED_IN_THE_DARK = 0.82, 1.15  # of the lightness
_COLOUR = re.compile(r"#[0-9a-f]{6}")

Parts = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Shades:
    """An accent by day and in the dark, each with the shade of a button that is pointed at."""

    day: str
    day_pressed: str
    dark: str
    dark_pressed: str


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def least_contrast(colour: str, grounds: Iterable[str] = BY_DAY) -> float:
    """That with the ground on which it is read worst."""
    return min(contrast(colour, x) for x in grounds)


def nearest(colour: str) -> str:
    """The colour itself where it can be read by day; else the lightest darker shade of it that can."""
    return _shade(colour, BY_DAY, towards=0.0)


def shades_of(accent: str) -> Shades:
    """For an accent that can be read by day: its shade for the dark is as near to it as can be read there."""
    dark = _shade(accent, IN_THE_DARK, towards=1.0)
    return Shades(accent, _lit(accent, PRESSED_BY_DAY), dark, _lit(dark, PRESSED_IN_THE_DARK))


def readable(colour: str) -> str:
    """The colour in small letters. Raises Invalid for what is none, and for what is too light: with one near to it."""
    colour = colour.strip().lower()
    if not _COLOUR.fullmatch(colour):
        raise Invalid("Write a colour as in #0b62c4.", "accent")
    near = nearest(colour)
    if near != colour:
        raise Invalid(
            "White on %(colour)s, or links in it, would be hard to read: the contrast is below 4.5 to 1. "
            "%(near)s is near to it and has enough.",
            "accent",
            colour=colour,
            near=near,
        )
    return colour


def parts_of(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, of 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _shade(colour: str, grounds: Iterable[str], *, towards: float) -> str:
    """The first shade with enough contrast on all grounds on the way to black (0) or white (1)."""
    if least_contrast(colour, grounds) >= ENOUGH:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(x / 255 for x in parts_of(colour)))
    way = (lightness + (towards - lightness) * step / STEPS for step in range(1, STEPS + 1))
    shades = (_written(colorsys.hls_to_rgb(hue, x, saturation)) for x in way)
    return next(x for x in shades if least_contrast(x, grounds) >= ENOUGH)


def _lit(colour: str, factor: float) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(x / 255 for x in parts_of(colour)))
    return _written(colorsys.hls_to_rgb(hue, min(lightness * factor, 1.0), saturation))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(x / 255) for x in parts_of(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _written(parts: Parts) -> str:
    return "#" + "".join(f"{round(x * 255):02x}" for x in parts)
