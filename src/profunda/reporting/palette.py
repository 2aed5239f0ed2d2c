"""Colours legible on a light and on a dark page: a figure's JSON cannot know which it will meet.

All have a contrast of at least 3 : 1 (WCAG 2.2, non-text) against both backgrounds of the page, #ffffff and
#15181d; drawings in the page itself use the style sheet's variables instead.
"""

__all__ = ["ACCENT", "BAD", "GOOD", "GREY", "SECOND", "SEQUENCE", "faded"]

ACCENT = "#2f7ed8"  # the champion, the model
SECOND = "#d9651b"  # its companion: training beside validation
GREY = "#83888f"  # everybody else
GOOD = "#1d9a76"
BAD = "#d64550"

# Perceived lightness falls evenly: viridis, clipped so that neither end vanishes into a background.
SEQUENCE = (
    (0.0, "#8a9a2e"),
    (0.25, "#3fa372"),
    (0.5, "#2a8f8c"),
    (0.75, "#3f78a8"),
    (1.0, "#8560b0"),
)


def faded(colour: str, opacity: float) -> str:
    """`colour` ("#rrggbb") at an opacity between 0 and 1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
