"""What moves a sum of money: a bar for each term from one of its ends to the other, the widest on top."""

import numpy as np

from crmlab.messages import _
from crmlab.plots.forest import money_axis, rows_of
from crmlab.plots.house import is_narrow
from crmlab.plots.svg import TOKENS


def draw_tornado(ax, names: list[str], ends: np.ndarray, told: list[list[str]], *, base: float, unit: str) -> None:
    """Bars around `base`.

    Parameters
    ----------
    ends
        Two values for each name.
    told
        For each name what stands beside its two ends; nothing where there is no room.
    base
        The value with no term moved.
    """
    place = rows_of(ax, names)
    for at, values in zip(place, ends, strict=True):
        for value in values:
            ax.barh(at, value - base, left=base, height=0.56, color=TOKENS["c2" if value < base else "c1"], linewidth=0)
    for at, values, words in zip(place, ends, told, strict=bool(told)):
        for value, text in _beside(values, words, base):
            worse = value < base
            away = {"xytext": (-5 if worse else 5, 0), "textcoords": "offset points", "va": "center"}
            ax.annotate(text, (value, at), ha="right" if worse else "left", color=TOKENS["muted"], **away)
    ax.axvline(base, color=TOKENS["ink"], linewidth=1)
    least, most = (min(ends.min(), base), max(ends.max(), base)) if len(ends) else (base, base)
    if least < 0 < most:
        ax.axvline(0, color=TOKENS["line"], linewidth=1.5, linestyle=(0, (2, 3)))
    span = (most - least) or abs(base) or 1.0
    room = 0.05 if not told else 0.3 if is_narrow(ax) else 0.2
    ax.set_xlim(least - room * span, most + room * span)
    money_axis(ax.xaxis, unit, *ax.get_xlim())


def _beside(values, words: list[str], base: float) -> list[tuple[float, str]]:
    """What stands beside the ends of a bar; of two on one side, both beside the further one."""
    known = [(value, text) for value, text in zip(values, words, strict=True) if value != base]
    if len(known) < 2 or (values[0] < base) != (values[1] < base):
        return known
    further = int(np.argmax(np.abs(values - base)))
    return [(values[further], _("{low} to {high}").format(low=words[0], high=words[1]))]
