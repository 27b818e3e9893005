"""Figures of what lies ahead: existing, future and potential value, and what scenarios make of lifetime value."""

from crmlab import language
from crmlab.messages import _, clauses
from crmlab.plots.forest import DOT, HOLLOW, INTERVAL, legend, money_axis, rows_of
from crmlab.plots.house import is_narrow, new_axes
from crmlab.plots.svg import TOKENS
from crmlab.plots.tornado import draw_tornado
from crmlab.scenarios import PARAMETERS

MUTED, LINE, PAPER, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "c1", "c2"))
_ASIDE = 0.18


def existing_potential_future(outlook, ax=None):
    """Existing, future and potential value of each group side by side, the latter two with their intervals.

    `outlook` is what `potential.value_outlook` gives.
    """
    ax = new_axes() if ax is None else ax
    groups = outlook.table()
    place = rows_of(ax, groups["group"])
    existing, future, potential = (list(groups[name]) for name in ("existing", "future", "potential"))
    kinds = [(future, 0.0, C1, "o")] + ([(potential, _ASIDE, C2, "D")] if outlook.pipeline else [])
    marks = [
        ax.scatter(
            [each.value for each in existing], place - _ASIDE, facecolor=PAPER, edgecolor=TOKENS["ink"], **HOLLOW
        )
    ]
    for estimates, aside, colour, marker in kinds:
        for at, each in zip(place, estimates, strict=True):
            if each.low is not None:
                ax.hlines(at + aside, each.low, each.high, color=colour, linewidth=INTERVAL)
        values = [each.value for each in estimates]
        marks.append(ax.scatter(values, place + aside, color=colour, marker=marker, **DOT))
    drawn = [*existing, *future, *potential]
    most = max(each.value if each.high is None else each.high for each in drawn)
    least = min(0.0, *(each.value if each.low is None else each.low for each in drawn))
    span = (most - least) or 1.0
    ax.set_xlim(least - 0.015 * span, most + 0.04 * span)
    money_axis(ax.xaxis, outlook.unit, least, most or 1.0)
    names = [_("existing"), _("future"), _("potential")][: len(marks)]
    legend(ax, marks, names)
    ax.set_title(_outlook_finding(outlook), loc="left")
    told = clauses(
        _("{group} {existing} existing, {future} future {future_evidence}, {potential} potential {evidence}").format(
            group=row.group,
            existing=row.existing.text(),
            future=row.future.text(),
            future_evidence=row.future.evidence(),
            potential=row.potential.text(),
            evidence=row.potential.evidence(),
        )
        for row in groups.itertuples()
    )
    ax.set_label(_("Existing, future and potential value by group: {groups}.").format(groups=told))
    return ax


def _outlook_finding(outlook) -> str:
    """Whether the customers' present course brings more by the year than they bring now."""
    existing = outlook.total["existing"].value / outlook.months
    future = outlook.total["future"]
    low, high = (end / outlook.horizon_months for end in (future.low, future.high))
    if existing < low:
        return _("On their present course, customers bring more than now")
    if existing > high:
        return _("On their present course, customers bring less than now")
    return _("On their present course, customers bring about as much as now")


def tornado(scenarios, ax=None):
    """Lifetime value with each term moved both ways, the widest on top; the line is what is expected.

    `scenarios` is what `scenarios.value_scenarios` gives.
    """
    ax = new_axes() if ax is None else ax
    rows, base, unit = scenarios.tornado, scenarios.base.value, scenarios.base.unit
    names = [_(PARAMETERS[name][0]) for name in rows["parameter"]]
    values = rows[["from_value", "to_value"]].to_numpy(dtype=float).reshape(-1, 2)
    terms = rows[["from_term", "to_term"]].to_numpy(dtype=float).reshape(-1, 2)
    digits = 0 if is_narrow(ax) else 1
    beside = [[language.quantity(float(term), "share", digits=digits) for term in moved] for moved in terms]
    draw_tornado(ax, names, values, beside, base=base, unit=unit)
    finding = _("No term that was moved changes the value")
    if len(rows):
        finding = _("{parameter} matters most").format(parameter=names[0])
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{parameter} {from_term}: {low}, {to_term}: {high}").format(
            parameter=name,
            from_term=language.quantity(float(moved[0]), "share"),
            to_term=language.quantity(float(moved[1]), "share"),
            low=language.quantity(float(ends[0]), unit, digits=scenarios.base.digits),
            high=language.quantity(float(ends[1]), unit, digits=scenarios.base.digits),
        )
        for name, moved, ends in zip(names, terms, values, strict=True)
    )
    label = _("Lifetime value with each term moved both ways, {base} expected: {rows}.")
    ax.set_label(label.format(base=scenarios.base.text(), rows=told or finding))
    return ax
