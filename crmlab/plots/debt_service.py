"""Figures for a lender: what today's customers bring over the term, cover under stress, how much can be lent."""

import numpy as np

from crmlab import language
from crmlab.messages import _, clauses, sentences
from crmlab.plots.forest import DOT, INTERVAL, legend, money_axis, rows_of
from crmlab.plots.house import is_narrow, new_axes, value_name
from crmlab.plots.svg import TOKENS

MUTED, INK, C1, C2 = (TOKENS[name] for name in ("muted", "ink", "c1", "c2"))


def retained_revenue(revenue, service=None, ax=None):
    """Revenue of today's customers month by month with its band; with a loan, the cash it leaves and debt service.

    `revenue` is what `diagnosis.retained_revenue.retained_revenue` gives, `service` what
    `diagnosis.debt_service.debt_service` does.
    """
    ax = new_axes() if ax is None else ax
    path, unit = revenue.path, revenue.unit
    months, expected = path["month"].to_numpy(), path["expected"].to_numpy()
    ax.fill_between(months, path["low"], path["high"], color=C1, alpha=0.15, linewidth=0)
    marks, names = ax.plot(months, expected, color=C1), [_("revenue")]
    most, least = float(path["high"].max()), 0.0
    if service is not None:
        term = service.loan.term_months
        cash = service.loan.cash(expected)[:term]
        due = service.loan.schedule(service.amount)["service"].to_numpy()
        marks += ax.plot(months[:term], cash, color=C1, linestyle=(0, (4, 2)))
        marks += ax.plot(months[:term], due, color=C2, drawstyle="steps-mid")
        names += [_("cash"), _("debt service")]
        # of a loan repaid at the end, the last payment would leave nothing to see of the others
        most, least = max(most, float(np.sort(due)[:-1].max(initial=0.0))), min(least, float(cash.min()))
    span = (most - least) or 1.0
    ax.set_ylim(least - 0.02 * span, most + 0.06 * span)
    ax.set_xlim(0.5, months[-1] + 0.5)
    money_axis(ax.yaxis, unit, least, most)
    step = 6 if months[-1] <= 60 and not is_narrow(ax) else 12
    ticks = [1, *range(step, months[-1] + 1, step)] if months[-1] >= step else list(months)
    ax.set_xticks(ticks, [language.number(tick) for tick in ticks])
    ax.set_xlabel(_("months from now"), loc="left")
    ax.set_ylabel("")
    if service is None:
        value_name(ax, _("revenue a month"))
        finding = _("The second year should bring {share} of the first").format(share=revenue.second_year.text())
    else:
        legend(ax, marks, names)
        finding = _("Cash is {cover} times debt service in the year where it is least").format(
            cover=service.least.text()
        )
    ax.set_title(finding, loc="left")
    told = sentences(_("{finding}.").format(finding=finding), revenue.summary(), service.summary() if service else "")
    ax.set_label(told)
    return ax


def cover_under_stress(service, ax=None):
    """Least debt-service cover under each stress with its interval, against the covenant.

    `service` is what `diagnosis.debt_service.debt_service` gives.
    """
    ax = new_axes() if ax is None else ax
    covenant, rows = service.loan.covenant, service.stressed
    place = rows_of(ax, rows["stress"])
    covers = list(rows["cover"])
    ax.axvline(covenant, color=INK, linewidth=1)
    for at, cover in zip(place, covers, strict=True):
        keeps = cover.value >= covenant
        colour = C1 if keeps else C2
        ax.hlines(at, cover.low, cover.high, color=colour, linewidth=INTERVAL)
        ax.scatter([cover.value], [at], color=colour, marker="o" if keeps else "D", **DOT)
    least, most = (pick(getattr(cover, end) for cover in covers) for pick, end in ((min, "low"), (max, "high")))
    least, most = min(least, covenant, 0.0), max(most, covenant)
    span = (most - least) or 1.0
    ax.set_xlim(least - 0.03 * span, most + 0.06 * span)
    _number_axis(ax, least, most)
    over = _("covenant {covenant}").format(covenant=language.number(covenant, 2))
    right = (covenant - least) / span > 0.7
    ax.annotate(
        over, (covenant, 1), xycoords=("data", "axes fraction"), xytext=(0, 6), textcoords="offset points",
        color=MUTED, ha="right" if right else "center",
    )  # fmt: skip
    across = _("debt-service cover in the year where it is least")
    ax.set_xlabel(_("least debt-service cover") if is_narrow(ax) else across, loc="left")
    kept = sum(cover.value >= covenant for cover in covers)
    finding = _("The covenant is kept in {kept} of {n} cases").format(kept=kept, n=len(covers))
    if kept in (0, len(covers)):
        finding = _("The covenant is kept in every case") if kept else _("The covenant is kept in no case")
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{stress} {cover} {evidence}").format(stress=name, cover=cover.text(), evidence=cover.evidence())
        for name, cover in zip(rows["stress"], covers, strict=True)
    )
    label = _("Least debt-service cover, {covenant} asked for: {rows}.")
    drawn = label.format(covenant=language.number(covenant, 2), rows=told)
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn))
    return ax


def capacity_under_stress(capacity, ax=None):
    """The largest loan that keeps the covenant, under each stress.

    `capacity` is what `diagnosis.debt_capacity.debt_capacity` gives.
    """
    ax = new_axes() if ax is None else ax
    rows, unit = capacity.stressed, capacity.amount.unit
    place, amounts = rows_of(ax, rows["stress"]), rows["capacity"].to_numpy(float)
    ax.barh(place, amounts, height=0.56, color=[C1, *[MUTED] * (len(place) - 1)], linewidth=0)
    most = float(amounts.max()) or 1.0
    ax.set_xlim(0, 1.06 * most)
    money_axis(ax.xaxis, unit, 0.0, most)
    least = int(amounts.argmin())
    values = {"stress": rows["stress"].iloc[least], "amount": language.quantity(float(amounts[least]), unit)}
    finding = _("At worst, the customers carry a loan of {amount}").format(**values)
    if not amounts.max() > 0:
        finding = _("The customers carry no loan")
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{stress} {amount}").format(stress=name, amount=language.quantity(float(amount), unit))
        for name, amount in zip(rows["stress"], amounts, strict=True)
    )
    drawn = _("Largest loan that keeps the covenant: {rows}.").format(rows=told)
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn))
    return ax


def _number_axis(ax, least: float, most: float) -> None:
    from matplotlib.ticker import MaxNLocator

    ticks = [
        float(tick) for tick in MaxNLocator(4 if is_narrow(ax) else 6).tick_values(least, most) if least <= tick <= most
    ]
    digits = 0 if all(tick.is_integer() for tick in ticks) else 1
    digits = digits if all(round(tick, digits) == round(tick, 6) for tick in ticks) else 2
    ax.set_xticks(ticks, [language.number(tick, digits) for tick in ticks])
