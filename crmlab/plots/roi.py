"""Figures of return: the cumulative curve, the distribution of net present value, what moves it, scenarios, flows."""

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.messages import _, clauses, pgettext, sentences
from crmlab.plots.forest import DOT, legend, money_axis, rows_of
from crmlab.plots.house import is_narrow, new_axes
from crmlab.plots.svg import TOKENS
from crmlab.plots.tornado import draw_tornado
from crmlab.roi.returns import DAYS_PER_MONTH
from crmlab.roi.terms import term_name, told_term

MUTED, LINE, INK, PAPER, C1, C2, Q2, D3 = (
    TOKENS[name] for name in ("muted", "line", "ink", "paper", "c1", "c2", "q2", "d3")
)
_BAR = {"linewidth": 0}
_BINS = 48


def cumulative_return(simulation, ax=None):
    """Present value of all flows so far, day by day, with its interval; the point from which it stays above zero.

    `simulation` is what `roi.simulation.simulate` gives.
    """
    ax = new_axes() if ax is None else ax
    curve, programme, unit = simulation.curve, simulation.programme, simulation.npv.unit
    days = curve["date"].to_numpy()
    value, low, high = (curve[name].to_numpy(float) for name in ("value", "low", "high"))
    band = ax.fill_between(days, low, high, step="post", color=Q2, linewidth=0)
    (plain,) = ax.step(
        days, curve["cumulative"], where="post", color=MUTED, linewidth=1.2, linestyle=(0, (2, 3)), zorder=3
    )
    (line,) = ax.step(days, value, where="post", color=C1, zorder=4)
    ax.axhline(0, color=INK, linewidth=1)
    if days[0] < np.datetime64(programme.as_of) < days[-1]:
        ax.axvline(programme.as_of, color=LINE, linewidth=1.5)
        ax.annotate(
            _("planned"), (programme.as_of, 1), xycoords=("data", "axes fraction"), xytext=(5, -4),
            textcoords="offset points", va="top", color=MUTED,
        )  # fmt: skip
    months = simulation.expected.discounted_payback
    if months:
        at = days[0] + np.timedelta64(round(months * DAYS_PER_MONTH), "D")
        reached = value[np.searchsorted(days, at)]
        ax.scatter([at], [reached], color=C1, edgecolor=PAPER, **(DOT | {"linewidth": 1.5, "zorder": 5}))
    _time_axis(ax, days)
    drawn = np.concatenate([low, high, curve["cumulative"], [0.0]])
    money_axis(ax.yaxis, unit, drawn.min(), drawn.max())
    marks = [(line, pgettext("legend", "present value")), (band, pgettext("legend", "interval"))]
    if simulation.probability is None:
        band.remove()
        marks.pop()
    if not is_narrow(ax):
        marks.append((plain, pgettext("legend", "without interest")))
    legend(ax, *zip(*marks, strict=True))
    finding = _("With interest, the costs are not paid back before the flows end")
    if months == 0:
        finding = _("There is nothing to pay back")
    elif months is not None:
        finding = _("With interest, the costs are paid back after {months}").format(
            months=language.quantity(round(months, 1), "months")
        )
    ax.set_title(finding, loc="left")
    words = _(
        "{finding}. Cumulative present value from {first} to {last}, lowest at {least}, in the end {npv} {evidence}."
    )
    ax.set_label(
        words.format(
            finding=finding,
            first=language.day(pd.Timestamp(days[0]).date()),
            last=language.day(pd.Timestamp(days[-1]).date()),
            least=language.quantity(float(value.min()), unit),
            npv=simulation.npv.text(),
            evidence=simulation.npv.evidence(),
        )
    )
    return ax


def npv_distribution(simulation, ax=None):
    """How often each net present value came out of the simulation, those below zero apart.

    `simulation` is what `roi.simulation.simulate` gives.
    """
    ax = new_axes() if ax is None else ax
    npv, unit = simulation.npv, simulation.npv.unit
    if simulation.probability is None:
        ax.axvline(npv.value, color=C1)
        return _ended(
            ax, _("Nothing uncertain was drawn: net present value {npv}").format(npv=npv.text()), unit, npv.value
        )
    draws = simulation.draws
    # the furthest of a hundred thousand would squeeze the rest
    low, high = np.quantile(draws, [0.0005, 0.9995])
    edges = np.linspace(low, high if high > low else low + 1, _BINS)
    if low < 0 < high:
        edges = edges - edges[np.argmin(np.abs(edges))]  # no bar on both sides of zero
    counts, edges = np.histogram(draws, edges)
    colours = [C2 if right <= 1e-9 * abs(high) else C1 for right in edges[1:]]
    ax.bar(edges[:-1], counts / len(draws), np.diff(edges), align="edge", color=colours, **_BAR)
    ax.axvline(0, color=INK, linewidth=1)
    ax.axvline(npv.value, color=MUTED, linewidth=1.2, linestyle=(0, (2, 3)))
    least, most = min(edges[0], 0.0), max(edges[-1], 0.0)
    ax.set_xlim(least - 0.02 * (most - least), most + 0.04 * (most - least))
    money_axis(ax.xaxis, unit, least, most)
    ax.set_yticks([])
    ax.set_ylabel("")
    finding = _("The programme pays in {share} of simulated futures").format(share=_told(simulation.probability))
    ax.set_title(finding, loc="left")
    words = _("{finding}. Net present value in {n} simulated futures: {npv} {evidence}.")
    ax.set_label(words.format(finding=finding, n=language.number(len(draws)), npv=npv.text(), evidence=npv.evidence()))
    return ax


def return_tornado(simulation, ax=None):
    """Net present value with each uncertain term at either end of its interval, the widest on top.

    `simulation` is what `roi.simulation.simulate` gives.
    """
    ax = new_axes() if ax is None else ax
    rows, base, unit = simulation.tornado, simulation.npv.value, simulation.npv.unit
    names = [term_name(name) for name in rows["parameter"]]
    ends = rows[["from_value", "to_value"]].to_numpy(float).reshape(-1, 2)
    beside = [
        [told_term(row.parameter, term, unit) for term in (row.from_term, row.to_term)] for row in rows.itertuples()
    ]
    draw_tornado(ax, names, ends, [] if is_narrow(ax) else beside, base=base, unit=unit)
    finding = _("Nothing that is uncertain moves the net present value")
    if len(rows):
        finding = _("{parameter} matters most").format(parameter=names[0])
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{parameter} {from_term}: {low}, {to_term}: {high}").format(
            parameter=name,
            from_term=told_term(row.parameter, row.from_term, unit),
            to_term=told_term(row.parameter, row.to_term, unit),
            low=language.quantity(row.from_value, unit, digits=simulation.npv.digits),
            high=language.quantity(row.to_value, unit, digits=simulation.npv.digits),
        )
        for name, row in zip(names, rows.itertuples(), strict=True)
    )
    label = _("Net present value with each term at either end of its interval, {base} expected: {rows}.")
    ax.set_label(label.format(base=simulation.npv.text(), rows=told or finding))
    return ax


def return_scenarios(scenarios, ax=None):
    """Benefits and costs of each scenario as bars, what is left as a diamond.

    `scenarios` is what `roi.scenarios.scenarios` gives.
    """
    ax = new_axes() if ax is None else ax
    cases, unit = scenarios.table(), scenarios.unit
    place = rows_of(ax, cases["scenario"])
    benefits, costs, npv = (cases[name].to_numpy(float) for name in ("benefits_pv", "costs_pv", "npv"))
    marks = [
        ax.barh(place - 0.18, benefits, height=0.3, color=C1, **_BAR),
        ax.barh(place + 0.18, costs, height=0.3, color=C2, **_BAR),
        ax.scatter(npv, place, color=INK, edgecolor=PAPER, marker="D", **(DOT | {"s": 64, "linewidth": 1.5})),
    ]
    ax.axvline(0, color=INK, linewidth=1)
    drawn = np.concatenate([benefits, costs, npv, [0.0]])
    span = (drawn.max() - drawn.min()) or 1.0
    ax.set_xlim(drawn.min() - 0.04 * span, drawn.max() + 0.04 * span)
    money_axis(ax.xaxis, unit, drawn.min(), drawn.max())
    legend(ax, marks, [pgettext("legend", "benefits"), pgettext("legend", "costs"), pgettext("legend", "net")])
    pays = int((npv > 0).sum())
    finding = _("The programme pays in {some} of {n} scenarios").format(some=pays, n=len(npv))
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{scenario} {npv} (benefits {benefits}, costs {costs})").format(
            scenario=row.scenario,
            npv=language.quantity(row.npv, unit),
            benefits=language.quantity(row.benefits_pv, unit),
            costs=language.quantity(row.costs_pv, unit),
        )
        for row in cases.itertuples()
    )
    ax.set_label(_("{finding}. Net present value by scenario: {rows}.").format(finding=finding, rows=told))
    return ax


def flows_by_category(programme, ax=None):
    """Costs and benefits by category, to date and planned; what is claimed and does not count is pale.

    `programme` is what `roi.cash_flows.programme` gives.
    """
    ax = new_axes() if ax is None else ax
    rows, unit = programme.table(), programme.unit
    counts = (rows["counted"] == _("yes")).to_numpy()
    is_cost = (rows["kind"] == _("cost")).to_numpy()
    place = rows_of(ax, rows["category"])
    to_date, planned = rows["to_date"].to_numpy(float), rows["planned"].to_numpy(float)
    for at, past, ahead, cost, counted in zip(place, to_date, planned, is_cost, counts, strict=True):
        colour = (C2 if cost else C1) if counted else (D3 if cost else Q2)
        ax.barh(at, past, height=0.6, color=colour, **_BAR)
        ax.barh(at, ahead, left=past, height=0.6, color=colour, alpha=0.55, **_BAR)
    most = float((to_date + planned).max())
    least = min(0.0, float((to_date + planned).min()), float(to_date.min()))
    ax.set_xlim(least - 0.01 * most, 1.04 * most or 1.0)
    money_axis(ax.xaxis, unit, least, most)
    total = {cost: float((to_date + planned)[(is_cost == cost) & counts].sum()) for cost in (True, False)}
    finding = _("Benefits of {benefits} against costs of {costs}, undiscounted").format(
        benefits=_rounded(total[False], unit), costs=_rounded(total[True], unit)
    )
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{category} ({kind}) {past} to date, {ahead} planned").format(
            category=row.category,
            kind=row.kind,
            past=language.quantity(row.to_date, unit),
            ahead=language.quantity(row.planned, unit),
        )
        for row in rows.itertuples()
    )
    ax.set_label(sentences(_("{finding}.").format(finding=finding), _("By category: {rows}.").format(rows=told)))
    return ax


def _told(chance) -> str:
    """A simulated chance; 100.0% only where no draw says otherwise."""
    if 0.999 < chance.value < 1:
        return _("more than 99.9%")
    return _("less than 0.1%") if 0 < chance.value < 0.001 else chance.text()


def _rounded(value: float, unit: str) -> str:
    """A sum of money to three digits."""
    digits = 2 - int(np.floor(np.log10(abs(value)))) if value else 0
    return language.quantity(value, unit, digits=min(0, digits))


def _ended(ax, finding: str, unit: str, value: float):
    """Axes that say why there is little to draw."""
    reach = abs(value) or 1.0
    ax.set_xlim(value - reach, value + reach)
    money_axis(ax.xaxis, unit, *ax.get_xlim())
    ax.set_yticks([])
    ax.set_title(finding, loc="left")
    ax.set_label(_("{finding}.").format(finding=finding))
    return ax


def _time_axis(ax, days: np.ndarray) -> None:
    """Months as year and number, as many as fit."""
    first, last = pd.Timestamp(days[0]), pd.Timestamp(days[-1])
    room = pd.Timedelta(days=max(5, int(0.02 * (last - first).days)))
    ax.set_xlim(first - room, last + room)
    months = pd.date_range(first.to_period("M").to_timestamp(), last, freq="MS")
    most = 3 if is_narrow(ax) else 8
    step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 600) if len(months) / step <= most or step == 600)
    kept = [month for month in months if (month.year * 12 + month.month - 1) % step == 0] or [first]
    ax.set_xticks(kept, [f"{month.year}-{month.month:02d}" for month in kept])
    ax.xaxis.grid(False)
