"""A map of cells: how many customers are in each, and their share of an amount; darker with more customers.

Cells that may not be told of are empty, but for a mark.
"""

import numpy as np

from crmlab import language
from crmlab.disclosure import HIDDEN
from crmlab.groups import left_out
from crmlab.messages import _, clauses
from crmlab.plots.house import is_narrow
from crmlab.plots.svg import TOKENS

# on which ink stays readable, light and dark; a page sets paper around every letter, so that paper's colour is not
_SHADES = [TOKENS[f"q{place}"] for place in range(1, 5)]


def counted_cells(
    ax, customers: np.ndarray, amounts: np.ndarray, down: list[str], across: list[str], hidden: np.ndarray
) -> None:
    """Draw the cells and name their rows and columns.

    Parameters
    ----------
    customers, amounts
        By row and column.
    down, across
        Names of the rows, from the top, and of the columns.
    hidden
        Which cells may not be told of.
    """
    from matplotlib.patches import Rectangle

    total, most = float(amounts.sum()), max(float(customers[~hidden].max(initial=0)), 1.0)
    for (row, column), count in np.ndenumerate(customers):
        middle = {"ha": "center", "color": TOKENS["ink"]}
        if hidden[row, column]:
            ax.text(column + 0.5, row + 0.5, HIDDEN, va="center", **middle)
            continue
        shade = min(int(len(_SHADES) * count / most), len(_SHADES) - 1)
        ax.add_patch(Rectangle((column, row), 1, 1, facecolor=_SHADES[shade], edgecolor=TOKENS["paper"], linewidth=2))
        share = language.quantity(float(amounts[row, column]) / total if total > 0 else 0.0, "share")
        ax.text(column + 0.5, row + 0.48, language.number(int(count)), va="bottom", fontweight="bold", **middle)
        ax.text(column + 0.5, row + 0.52, share, va="top", **middle)
    ax.set_xlim(0, max(len(across), 1))
    ax.set_ylim(len(down), 0)
    ax.set_xticks(np.arange(len(across)) + 0.5, _named(ax, across))
    ax.set_yticks(np.arange(len(down)) + 0.5, _named(ax, down))
    ax.grid(False)
    ax.spines["bottom"].set_visible(False)


def largest_cell(customers: np.ndarray, down: list[str], across: list[str], hidden: np.ndarray) -> str:
    """A finding for a map of whose telling cells some are hidden."""
    if hidden.all():
        return _("No group is large enough to be told of")
    row, column = np.unravel_index(np.where(hidden, -1, customers).argmax(), customers.shape)
    message = _("Largest group: {group}, {n} customers")
    group = _("{value}, {level}").format(value=down[row], level=across[column])
    return message.format(group=group, n=language.number(int(customers[row, column])))


def listed_cells(customers: np.ndarray, down: list[str], across: list[str], hidden: np.ndarray) -> tuple[str, str]:
    """The cells in words, and what is to be said of those that are left out."""
    told = clauses(
        _("{value}, {level}: {n}").format(
            value=down[row], level=across[column], n=language.number(int(customers[row, column]))
        )
        for row, column in zip(*np.nonzero(~hidden), strict=True)
    )
    return told, left_out(int(hidden.sum()))


def _named(ax, names: list[str]) -> list[str]:
    """On a phone, names of more than one word stand on two lines."""
    return ["\n".join(name.rsplit(" ", 1)) for name in names] if is_narrow(ax) else names
