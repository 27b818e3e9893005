"""Probabilities against what came of them, as points beside the line on which both agree."""

import numpy as np

from crmlab import language
from crmlab.messages import _
from crmlab.plots.forest import DOT, INTERVAL
from crmlab.plots.house import is_narrow, percent_axis, value_name
from crmlab.plots.svg import TOKENS

_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_POINT = DOT | {"legend": False}


def draw_calibration(ax, bands, *, over: str, share: str) -> int:
    """Share of each band against the probability foretold, with intervals; how many bands are off.

    Parameters
    ----------
    bands
        Frame with `predicted`, `actual`, `low` and `high`, as fractions.
    over, share
        What the axes count.
    """
    import seaborn

    foretold, actual, low, high = (bands[name].to_numpy(float) for name in ("predicted", "actual", "low", "high"))
    off = (foretold < low) | (foretold > high)
    most = 1.05 * max(float(high.max()), float(foretold.max()))
    ax.plot([0, most], [0, most], color=TOKENS["line"], linewidth=1.5, linestyle=(0, (2, 3)))
    for x, bottom, top, wrong in zip(foretold, low, high, off, strict=True):
        colour = TOKENS["c2" if wrong else "c1"]
        ax.plot([x, x], [bottom, top], color=colour, linewidth=INTERVAL, solid_capstyle="butt")
    seaborn.scatterplot(x=foretold[~off], y=actual[~off], color=TOKENS["c1"], ax=ax, **_POINT)
    seaborn.scatterplot(x=foretold[off], y=actual[off], marker="D", color=TOKENS["c2"], ax=ax, **_POINT)
    share_axis(ax.xaxis, most)
    share_axis(ax.yaxis, most)
    ax.set_xlim(0, most)
    ax.set_ylim(0, most)
    ax.set_xlabel(over, loc="left")
    ax.set_ylabel("")
    value_name(ax, share)
    if not is_narrow(ax):
        ax.annotate(_("as foretold"), (0.93 * most, 0.85 * most), ha="center", va="top", color=TOKENS["muted"])
    return int(off.sum())


def share_axis(axis, most: float) -> None:
    """Per cent from 0 up to `most`, a fraction, with a decimal where the ticks need one."""
    step = next((step for step in _STEPS if most / step <= 5), _STEPS[-1])
    ticks = np.arange(0, most, step)
    if step >= 0.01:
        percent_axis(axis, ticks)
        return
    labels = [language.number(100 * tick, 1) for tick in ticks]
    axis.set_ticks(list(ticks), [*labels[:-1], f"{labels[-1]}%"])
