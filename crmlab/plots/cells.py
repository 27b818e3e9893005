"""A map of cells: how many customers are in each, and their share of an amount; darker with more customers."""

import numpy as np

from crmlab import language
from crmlab.plots.house import is_narrow
from crmlab.plots.svg import TOKENS

# on which ink stays readable, light and dark; a page sets paper around every letter, so that paper's colour is not
_SHADES = [TOKENS[f"q{place}"] for place in range(1, 5)]


def counted_cells(ax, customers: np.ndarray, amounts: np.ndarray, down: list[str], across: list[str]) -> None:
    """Draw the cells and name their rows and columns.

    Parameters
    ----------
    customers, amounts
        By row and column.
    down, across
        Names of the rows, from the top, and of the columns.
    """
    from matplotlib.patches import Rectangle

    total, most = float(amounts.sum()), max(float(customers.max(initial=0)), 1.0)
    for (row, column), count in np.ndenumerate(customers):
        shade = min(int(len(_SHADES) * count / most), len(_SHADES) - 1)
        cell = {"facecolor": _SHADES[shade], "edgecolor": TOKENS["paper"], "linewidth": 2}
        ax.add_patch(Rectangle((column, row), 1, 1, **cell))
        share = language.quantity(float(amounts[row, column]) / total if total > 0 else 0.0, "share")
        middle = {"ha": "center", "color": TOKENS["ink"]}
        ax.text(column + 0.5, row + 0.48, language.number(int(count)), va="bottom", fontweight="bold", **middle)
        ax.text(column + 0.5, row + 0.52, share, va="top", **middle)
    ax.set_xlim(0, max(len(across), 1))
    ax.set_ylim(len(down), 0)
    ax.set_xticks(np.arange(len(across)) + 0.5, _named(ax, across))
    ax.set_yticks(np.arange(len(down)) + 0.5, _named(ax, down))
    ax.grid(False)
    ax.spines["bottom"].set_visible(False)


def _named(ax, names: list[str]) -> list[str]:
    """On a phone, names of more than one word stand on two lines."""
    return ["\n".join(name.rsplit(" ", 1)) for name in names] if is_narrow(ax) else names
