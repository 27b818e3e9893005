"""Figures of what drives the score: what to mend first, the drivers' effects, service times, and whether it pays."""

import numpy as np

from crmlab import language
from crmlab.groups import named
from crmlab.messages import _, clauses, listed, ngettext
from crmlab.nps.driver_names import pain_point
from crmlab.nps.importance import MEND
from crmlab.plots.forest import DOT, HOLLOW, INTERVAL, legend, money_axis, nothing, rows_of
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.labels import place_beside
from crmlab.plots.svg import TOKENS

MUTED, LINE, PAPER, INK, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "ink", "c1", "c2"))
_DIAMOND = DOT | {"s": 90, "marker": "D"}
_MOST_ROWS = 12  # effects and kinds of case that a figure shows, the largest first
_THIN = 1.5  # px: intervals that cross one another
_ASIDE = 0.16  # of a row, by which two measures of it stand apart
_DOTTED = {"linewidth": 1.5, "linestyle": (0, (2, 3))}


def importance_performance_map(importance, ax=None):
    """How much each driver matters against how well the firm does on it; what to mend first stands out.

    `importance` is what `nps.importance.driver_importance` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = importance.drivers[importance.drivers["lever"].astype(bool)]
    if rows.empty:
        return nothing(ax, _("No service that the firm gives is among the drivers"))
    mend = (rows["verdict"] == MEND).to_numpy()
    x, y = (np.array([each.value for each in rows[name]]) for name in ("performance", "importance"))
    for across, up, first in zip(rows["performance"], rows["importance"], mend, strict=True):
        colour = C2 if first else C1
        ax.hlines(up.value, across.low, across.high, color=colour, linewidth=_THIN)
        ax.vlines(across.value, up.low, up.high, color=colour, linewidth=_THIN)
    ax.scatter(x[~mend], y[~mend], color=C1, **DOT)
    ax.scatter(x[mend], y[mend], color=C2, **_DIAMOND)
    for line, values in ((ax.axvline, x), (ax.axhline, y)):
        line(values.mean(), color=LINE, **_DOTTED)
    most = max(each.high for each in rows["importance"])
    ends = [end for each in rows["performance"] for end in (each.low, each.high)]
    room = 0.12 * max(max(ends) - min(ends), 0.1)
    ax.set_xlim(max(min(ends) - room, -0.02), min(max(ends) + room, 1.02))
    ax.set_ylim(-0.05 * most, 1.1 * most)
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, (0, 1.1 * most))):
        percent_axis(axis, _ticks(low, high, 4 if is_narrow(ax) else 6))
    ax.xaxis.grid(True)
    ax.set_xlabel(_("performance, between worst-served and best-served"), loc="left")
    value_name(ax, _("importance, share of what is explained"))
    # on a phone, those that matter alone
    order = [at for at in np.argsort(-y) if rows["verdict"].iloc[at] or not is_narrow(ax)]
    names = [pain_point(rows["driver"].iloc[at]) if mend[at] else rows["name"].iloc[at] for at in order]
    place_beside(ax, x[order], y[order], np.full(len(order), 5.0), names)
    pains = [pain_point(column) for column in rows.loc[mend, "driver"]]
    finding = _("No pain point can be told")
    if pains:
        finding = _("Mend first: {pain}").format(pain=pains[0])
    if len(pains) > 1:
        rest = ngettext("Mend first: {pain}, and one more", "Mend first: {pain}, and {n} more", len(pains) - 1)
        finding = rest.format(pain=pains[0], n=len(pains) - 1)
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{driver}: importance {importance} {evidence}, performance {performance} {spread}").format(
            driver=row.name,
            importance=row.importance.text(),
            evidence=row.importance.evidence(),
            performance=row.performance.text(),
            spread=row.performance.evidence(),
        )
        for row in rows.itertuples(index=False)
    )
    label = _("Importance against performance of each driver: {drivers}. To mend first: {pains}.")
    ax.set_label(label.format(drivers=told, pains=listed(pains) or _("none")))
    return ax


def driver_effects(model, ax=None):
    """Odds ratios of a higher answer with their intervals, the strongest first; the line is no effect.

    `model` is what `nps.drivers.driver_model` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = model.effects[~model.effects["unknown"]].iloc[:_MOST_ROWS]
    place = rows_of(ax, rows["effect"])
    ax.axvline(1, color=LINE, **_DOTTED)
    colours = [C2 if row.borne_out and row.odds_ratio.value < 1 else C1 for row in rows.itertuples()]
    for at, odds, colour in zip(place, rows["odds_ratio"], colours, strict=True):
        ax.hlines(at, odds.low, odds.high, color=colour, linewidth=INTERVAL)
    for mark, shape in ((C1, DOT), (C2, _DIAMOND)):
        own = [at for at, colour in zip(place, colours, strict=True) if colour == mark]
        ax.scatter([rows["odds_ratio"].iloc[at].value for at in own], own, color=mark, **shape)
    ax.set_xscale("log")
    ends = [end for odds in rows["odds_ratio"] for end in (odds.low, odds.high)]
    low, high = max(min(min(ends), 0.8), 0.1) / 1.03, min(max(max(ends), 1.25), 10) * 1.03
    ax.set_xlim(low, high)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 0.7, 1, 1.4, 2, 5, 10) if low <= tick <= high]
    ax.set_xticks(ticks, [language.number(tick, 0 if tick in (1, 2, 5, 10) else 1) for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel(_("odds of a higher answer, times"), loc="left")
    worst = rows[[colour == C2 for colour in colours]]
    finding = _("No driver can be told to go with lower scores")
    if len(worst):
        first = worst.iloc[0]
        finding = _("Lower scores go with {driver}: {change}").format(driver=first["effect"], change=first["change"])
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{driver}, {change}: {odds} {evidence}").format(
            driver=row.effect, change=row.change, odds=row.odds_ratio.text(), evidence=row.odds_ratio.evidence()
        )
        for row in rows.itertuples()
    )
    ax.set_label(_("Odds ratios of a higher answer, with their intervals: {effects}.").format(effects=told))
    return ax


def service_times(levels, ax=None):
    """Median hours to the first answer and to the resolution by kind of case, with their intervals.

    `levels` is what `nps.service.service_levels` gives.
    """
    ax = new_axes() if ax is None else ax
    names = {"response_median": _("first answer"), "resolution_median": _("resolution")}
    shown, told = _two_measures(ax, levels, names)
    if not shown:
        return nothing(ax, _("How long cases take is not known"))
    most = max(each.value if each.high is None else each.high for each in shown)
    if not isinstance(levels.targets["response"], dict):
        ax.axvline(levels.targets["response"], color=LINE, **_DOTTED)
    ticks = _ticks(0, 1.05 * most, 4 if is_narrow(ax) else 7)
    ax.set_xlim(-0.015 * most, 1.05 * most)
    labels = [language.number(tick, 0 if all(each.is_integer() for each in ticks) else 1) for tick in ticks]
    ax.set_xticks(ticks, [*labels[:-1], _("{number} hours").format(number=labels[-1])])
    first = levels.total["response_median"]
    finding = _("How fast cases are answered is not known")
    if first is not None:
        finding = _("Half of the cases wait longer than {hours} for an answer").format(hours=first.text())
    ax.set_title(finding, loc="left")
    ax.set_label(_("Median hours by kind of case, with their intervals: {groups}.").format(groups=told))
    return ax


def service_targets(levels, ax=None):
    """Share of cases answered and resolved within the target, by kind of case, with intervals.

    `levels` is what `nps.service.service_levels` gives.
    """
    ax = new_axes() if ax is None else ax
    shown, told = _two_measures(ax, levels, {"response_within": _("answered"), "resolution_within": _("resolved")})
    if not shown:
        return nothing(ax, _("How many cases are within the target is not known"))
    ax.set_xlim(-0.015, 1.015)
    percent_axis(ax.xaxis, (0, 0.25, 0.5, 0.75, 1))
    ax.set_title(_service_finding(levels), loc="left")
    ax.set_label(_("Cases within the target by kind, with their intervals: {groups}.").format(groups=told))
    return ax


def _two_measures(ax, levels, names: dict[str, str]) -> tuple[list, str]:
    """Two measures of each kind of case one above the other; the estimates drawn, and all in words."""
    rows = levels.groups.iloc[:_MOST_ROWS]
    groups = list(named(rows["group"]))
    place = rows_of(ax, groups)
    marks, legends, drawn, told = [], [], [], []
    for (column, word), aside, colour, shape in zip(
        names.items(), (-_ASIDE, _ASIDE), (C1, C2), (DOT, _DIAMOND), strict=True
    ):
        known = [(at, each) for at, each in zip(place, rows[column], strict=True) if each is not None]
        if not known:
            continue
        for at, each in known:
            if each.low is not None:
                ax.hlines(at + aside, each.low, each.high, color=colour, linewidth=INTERVAL)
        values, places = [each.value for _at, each in known], [at + aside for at, _each in known]
        marks.append(ax.scatter(values, places, color=colour, **shape))
        legends.append(word)
        drawn += [each for _at, each in known]
        told += [
            _("{group}, {what}: {value} {evidence}").format(
                group=groups[at], what=word, value=each.text(), evidence=each.evidence()
            )
            for at, each in known
        ]
    if marks:
        legend(ax, marks, legends)
    return drawn, clauses(told)


def _service_finding(levels) -> str:
    within = levels.total["response_within"]
    target = levels.targets["response"]
    if within is None:
        return _("How fast cases are answered is not known")
    if isinstance(target, dict):
        return _("{share} of cases are answered within their target").format(share=within.text())
    return _("{share} of cases are answered within {hours}").format(
        share=within.text(), hours=language.quantity(target, "hours")
    )


def payoff_retention(payoff, ax=None):
    """Share of promoters, passives and detractors who stayed, as it is and adjusted.

    `payoff` is what `nps.payoff.payoff` gives.
    """
    return _by_answer(payoff, "retention", ax)


def payoff_spend(payoff, ax=None):
    """What promoters, passives and detractors spent after their answer, as it is and adjusted.

    `payoff` is what `nps.payoff.payoff` gives.
    """
    return _by_answer(payoff, "spend", ax)


def payoff_value(payoff, ax=None):
    """Expected lifetime value of promoters, passives and detractors, as it is and adjusted.

    `payoff` is what `nps.payoff.payoff` gives.
    """
    return _by_answer(payoff, "clv", ax)


def _by_answer(payoff, outcome: str, ax=None):
    ax = new_axes() if ax is None else ax
    rows = payoff.groups
    names = [_(group) for group in rows["group"]]
    place = rows_of(ax, names)
    plain, adjusted = list(rows[outcome]), list(rows[f"{outcome}_adjusted"])
    known = [each for each in (*plain, *adjusted) if each is not None]
    if not known:
        return nothing(ax, _("What customers did after their answer is not known"))
    marks, legends = [], []
    if any(adjusted):
        for at, each in zip(place, adjusted, strict=True):
            if each is not None and each.low is not None:
                ax.hlines(at, each.low, each.high, color=C1, linewidth=INTERVAL)
        shown = [(each.value, at) for at, each in zip(place, adjusted, strict=True) if each is not None]
        marks.append(ax.scatter(*zip(*shown, strict=True), color=C1, **DOT))
        legends.append(_("adjusted"))
    shown = [(each.value, at) for at, each in zip(place, plain, strict=True) if each is not None]
    marks.append(ax.scatter(*zip(*shown, strict=True), facecolor=PAPER, edgecolor=INK, **HOLLOW))
    legends.append(_("as it is"))
    ends = [each.value if each.low is None else end for each in known for end in (each.low, each.high)]
    least, most = min(ends), max(ends)
    if outcome == "retention":
        low = max(0.0, least - 0.25 * (most - least) - 0.02)
        ax.set_xlim(low, min(1.01, most + 0.1 * (most - least) + 0.01))
        percent_axis(ax.xaxis, _ticks(low, min(1.0, most + 0.02), 4 if is_narrow(ax) else 6))
    else:
        ax.set_xlim(min(0.0, least) - 0.015 * most, 1.04 * most)
        money_axis(ax.xaxis, payoff.unit, min(0.0, least), most)
    legend(ax, marks, legends)
    ax.set_title(_payoff_finding(payoff, outcome), loc="left")
    told = clauses(
        _("{group}: {value} {evidence}").format(group=name, value=each.text(), evidence=each.evidence())
        for name, each in zip(names, adjusted if any(adjusted) else plain, strict=True)
        if each is not None
    )
    ax.set_label(_("{what}, by answer, with intervals: {groups}.").format(what=known[0].label, groups=told))
    return ax


def _payoff_finding(payoff, outcome: str) -> str:
    """Whether promoters did better than detractors, as far as can be told."""
    difference = payoff.differences.get(outcome)
    if difference is None:
        return _("Promoters and detractors cannot be compared, all else alike")
    if difference.low <= 0 <= difference.high:
        return _("Promoters and detractors cannot be told apart, all else alike")
    more = difference.value > 0
    if outcome == "retention":
        points = language.number(100 * abs(difference.value), 1)
        found = _("Promoters stay more often, by {points} percentage points") if more else _(
            "Promoters stay less often, by {points} percentage points"
        )  # fmt: skip
        return found.format(points=points)
    size = language.quantity(abs(difference.value), difference.unit, digits=difference.digits)
    if outcome == "spend":
        found = _("Promoters spend {amount} more") if more else _("Promoters spend {amount} less")
    else:
        found = _("Promoters are worth {amount} more") if more else _("Promoters are worth {amount} less")
    return found.format(amount=size)


def _ticks(low: float, high: float, most: int) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [round(float(tick), 6) for tick in ticks if low - 1e-9 <= tick <= high + 1e-9] or [low]
