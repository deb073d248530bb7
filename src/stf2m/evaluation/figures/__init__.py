"""Figures as small SVG files: no library, no script, readable on paper and inside the page (they follow its colours)."""

from stf2m.evaluation.figures.curve import curve_svg
from stf2m.evaluation.figures.ranks import ranks_svg

__all__ = ["curve_svg", "ranks_svg"]
