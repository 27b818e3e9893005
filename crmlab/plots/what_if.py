"""What lifetime value becomes under terms that an analyst sets, beside what is expected."""

from crmlab import language
from crmlab.messages import _, clauses
from crmlab.plots.forest import DOT, INTERVAL, money_axis, rows_of
from crmlab.plots.house import new_axes
from crmlab.plots.svg import TOKENS


def value_as_set(scenarios, ax=None):
    """Lifetime value as expected, for the worse and for the better, and as set, each with its interval.

    Parameters
    ----------
    scenarios
        As `scenarios.value_scenarios` gives them; the last case is the one that was set.
    ax
        Axes to draw on; new ones unless given.
    """
    ax = new_axes() if ax is None else ax
    cases = scenarios.table()
    set_apart = len(cases) - 1
    shown = cases.iloc[[0, set_apart - 2, set_apart - 1, set_apart]]
    values, place = list(shown["value"]), rows_of(ax, shown["scenario"])
    for at, each in zip(place, values, strict=True):
        colour = TOKENS["c2" if at == place[-1] else "c1"]
        if each.low is not None:
            ax.hlines(at, each.low, each.high, color=colour, linewidth=INTERVAL)
        ax.scatter([each.value], [at], color=colour, **DOT)
    ax.axvline(values[0].value, color=TOKENS["ink"], linewidth=1)
    least = min(0.0, *(each.value if each.low is None else each.low for each in values))
    most = max(each.value if each.high is None else each.high for each in values) or 1.0
    ax.set_xlim(least - 0.02 * (most - least), most + 0.05 * (most - least))
    money_axis(ax.xaxis, scenarios.base.unit, least, most)
    finding = _("As set: {value}, {change} against what is expected").format(
        value=values[-1].text(), change=language.quantity(shown["change"].iloc[-1], "share")
    )
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{scenario} {value} {evidence}").format(scenario=name, value=each.text(), evidence=each.evidence())
        for name, each in zip(shown["scenario"], values, strict=True)
    )
    ax.set_label(_("{finding}: {rows}.").format(finding=finding, rows=told))
    return ax
