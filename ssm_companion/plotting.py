"""Figures of the book: one style, real text, one picture for the light and the dark theme.

A chapter draws with matplotlib as usual and ends the cell with ``show(fig, alt="...")``. The
figure becomes inline SVG whose colours are CSS variables (``--ssm-ink``, ``--ssm-blue``, ...), so
that the same drawing is dark on light or light on dark, as the page is; where no style sheet
defines them, as in a notebook, the light colours apply. The palette is that of Okabe and Ito
(2008), which readers with any common form of colour blindness can tell apart.
"""

import html
import io
import re
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.pyplot as plt

INK, MUTED, GRID, PAPER = "#1b1f24", "#5b6470", "#d9dde3", "#fefefe"
BLUE, ORANGE, GREEN, PURPLE, GOLD = "#0072b2", "#d55e00", "#00805c", "#a8508a", "#b07b00"

_ROLES = {
    INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper",
    BLUE: "blue", ORANGE: "orange", GREEN: "green", PURPLE: "purple", GOLD: "gold",
}  # fmt: skip

_STYLE = {
    "figure.figsize": (5.0, 2.8),
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "axes.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=[BLUE, ORANGE, GREEN, PURPLE, GOLD]),
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "font.size": 9,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "svg.fonttype": "none",
}


def use_style():
    """Make the book's style matplotlib's default. :func:`ssm_companion.setup` calls it."""
    plt.rcParams.update(_STYLE)


@dataclass(frozen=True)
class Picture:
    """A finished figure, as :func:`show` returns it. A notebook shows the SVG.

    Parameters
    ----------
    svg : str
        The figure as SVG text.
    alt : str
        The words that stand for it.
    """

    svg: str
    alt: str

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.svg, "text/plain": self.alt}


def show(fig, *, alt):
    """Close ``fig`` and return it as a :class:`Picture`; make it the last line of a cell.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The finished figure.
    alt : str
        What the figure shows, for a reader who cannot see it: the finding, not the plot type.

    Returns
    -------
    Picture
        The figure as SVG, with ``alt``.

    Raises
    ------
    ValueError
        If ``alt`` is empty.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"`alt` must say in words what the figure shows, got {alt!r}")
    text = " ".join(alt.split())
    # Ids (clip paths) must differ between figures of a page and not between two builds of it.
    with mpl.rc_context({"svg.hashsalt": text}):
        buffer = io.StringIO()
        fig.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(fig)
    return Picture(_themed(buffer.getvalue(), text), text)


def _themed(svg, alt):
    """Matplotlib's SVG as part of a page: colours by role, the page's font, a description."""
    box = re.search(r'viewBox="[^"]*"', svg).group()
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    # What matplotlib says to a whole document would reach the whole page from here.
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font-family: [^;\"]*", "font-family: inherit", body)
    for colour, role in _ROLES.items():
        body = body.replace(colour, f"var(--ssm-{role}, {colour})")
    return (
        f'<svg class="ssm-figure" role="img" aria-label="{html.escape(alt, quote=True)}" {box} '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'style="width: 100%; max-width: 580px; background: var(--ssm-paper, #fefefe); '
        f'stroke-linejoin: round">{body}'
    )
