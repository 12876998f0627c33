"""Colours and markers that all figures share."""

from __future__ import annotations

# Okabe and Ito 2008: distinguishable with every common form of colour blindness
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#000000",
)
GREY, LIGHT_GREY = "#6E6E6E", "#D9D9D9"
SERIES = ((ORANGE, "s"), (GREEN, "^"), (VERMILION, "D"), (PURPLE, "v"), (SKY, "P"), (BLACK, "X"))
