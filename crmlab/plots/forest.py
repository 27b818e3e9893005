"""What figures with one row per group share: named rows, an axis of money, marks and their legend, or nothing."""

from typing import Any

import numpy as np

from crmlab import language
from crmlab.messages import _, spoken
from crmlab.plots.house import is_narrow
from crmlab.plots.labels import shortened
from crmlab.plots.svg import TOKENS

INTERVAL = 3.5  # px: the bar of an interval
DOT: dict[str, Any] = {"s": 81, "linewidth": 0, "zorder": 3, "clip_on": False}  # 9 px across
HOLLOW = DOT | {"s": 64, "linewidth": 2}


def rows_of(ax, names) -> np.ndarray:
    """Rows from the top down, one per name; their places on the axis."""
    names = [str(name) for name in names]
    place = np.arange(len(names))
    ax.set_yticks(place, [shortened(name, 104 if is_narrow(ax) else 190) for name in names], color=TOKENS["ink"])
    room = 0.5 + max(3 - len(names), 0) / 2  # few rows stand in the middle
    ax.set_ylim(len(names) - 1 + room, -room)
    ax.yaxis.grid(False)
    ax.xaxis.grid(True)
    return place


def nothing(ax, finding: str):
    """Axes that say why there is nothing to draw."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(finding, loc="left")
    ax.set_label(_("{finding}.").format(finding=finding))
    return ax


def money_axis(axis, unit: str, low: float, high: float) -> None:
    """Round sums of money from `low` to `high`, in thousands or millions, the unit on the last tick alone."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(4 if is_narrow(axis.axes) else 6).tick_values(low, high)
    slack = 0.02 * (high - low)
    ticks = [float(tick) for tick in ticks if low - slack <= tick <= high + slack] or [low]
    largest = max(map(abs, ticks))
    power, suffix, _digits = language.scale(largest, None)
    step = abs(ticks[1] - ticks[0]) / 10**power if len(ticks) > 1 else largest / 10**power
    digits = next(digits for digits in (0, 1, 2) if round(step, digits) == round(step, 6) or digits == 2)
    labels = [language.number(tick / 10**power, digits) for tick in ticks]
    if not language.is_currency(unit):
        labels[-1] += suffix
    elif spoken() == "zh":
        labels[-1] += f" {suffix}{language.currency_symbol(unit)}"
    else:
        labels[-1] = language.quantity(ticks[-1] / 10**power, unit, digits=digits) + suffix
    axis.set_ticks(ticks, labels)


def legend(ax, marks, names) -> None:
    """What the marks are, in one line over the axes."""
    ax.legend(
        marks, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(names), borderaxespad=0.2, borderpad=0.2,
        handletextpad=0.1, columnspacing=1.0, labelcolor=TOKENS["muted"],
    )  # fmt: skip
