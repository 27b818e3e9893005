"""Figures of what winning customers costs over time."""

from crmlab import language
from crmlab.messages import _
from crmlab.plots.forest import DOT, INTERVAL, money_axis
from crmlab.plots.house import new_axes, time_axis, value_name
from crmlab.plots.svg import TOKENS
from crmlab.privacy import min_group

LINE, C1 = TOKENS["line"], TOKENS["c1"]


def cac_by_month(cost, ax=None):
    """Cost of winning a customer in each month, with intervals; the line is that of all months.

    `cost` is what `acquisition.acquisition_cost` gives.
    """
    ax = new_axes() if ax is None else ax
    known = cost.months[[cac is not None and cac.n >= min_group() for cac in cost.months["cac"]]]
    if cost.total is None or known.empty:
        ax.set_axis_off()
        ax.set_title(_("The cost of winning a customer cannot be told"), loc="left")
        ax.set_label(cost.summary())
        return ax
    costs = list(known["cac"])
    ax.axhline(cost.total.value, color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    for month, cac in zip(known["month"], costs, strict=True):
        if cac.low is not None:
            ax.vlines(month, cac.low, cac.high, color=C1, linewidth=INTERVAL, alpha=0.45)
    ax.scatter(known["month"], [cac.value for cac in costs], color=C1, **(DOT | {"s": 36}))
    most = max(cac.value if cac.high is None else cac.high for cac in costs)
    ax.set_ylim(0, 1.05 * most or 1.0)
    money_axis(ax.yaxis, cost.unit, 0.0, most)
    time_axis(ax)
    value_name(ax, _("per customer won"))
    apart = [cac for cac in costs if cac.low is not None and not cac.low <= cost.total.value <= cac.high]
    values = {"n": language.number(len(apart)), "months": language.number(len(costs))}
    ax.set_title(_("{n} of {months} months differ from the whole by more than chance").format(**values), loc="left")
    dearest = max(range(len(costs)), key=lambda place: costs[place].value)
    label = _("Cost of winning a customer by month, with its interval; dearest {month}: {cost} {evidence}.")
    month = known["month"].iloc[dearest].strftime("%Y-%m")
    ax.set_label(label.format(month=month, cost=costs[dearest].text(), evidence=costs[dearest].evidence()))
    return ax
