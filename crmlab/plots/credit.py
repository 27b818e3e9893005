"""Figures of credit risk: whether probabilities came true, value against risk, how old the overdue amounts are."""

import numpy as np

from crmlab import language
from crmlab.credit.tiers import HIGH, IN_DEFAULT
from crmlab.credit.value_at_risk import VALUE_TIERS
from crmlab.disclosure import HIDDEN
from crmlab.groups import large, left_out
from crmlab.messages import _, clauses, ngettext, sentences, spoken
from crmlab.plots.calibration import draw_calibration
from crmlab.plots.cells import counted_cells, largest_cell, listed_cells
from crmlab.plots.forest import nothing
from crmlab.plots.house import is_narrow, new_axes
from crmlab.plots.svg import TOKENS

MUTED, C1, C2 = (TOKENS[name] for name in ("muted", "c1", "c2"))


def calibration_plot(check, ax=None):
    """Share of customers who came to default against the probability foretold, by bands of equal size.

    `check` is what `credit.out_of_time_check` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = large(check.bands)
    if rows.empty:
        return nothing(ax, _("No group is large enough to be told of"))
    off = draw_calibration(
        ax, rows, over=_("probability foretold, mean of the band"), share=_("share who came to default")
    )
    finding = _calibration_finding(off, len(rows))
    ax.set_title(finding, loc="left")
    listed = clauses(
        _("{foretold} foretold, {actual} in default ({span})").format(
            foretold=language.quantity(row.predicted, "share"),
            actual=language.quantity(row.actual, "share"),
            span=language.span(row.low, row.high, "share"),
        )
        for row in rows.itertuples()
    )
    drawn = _(
        "{finding}. Share of customers who came to default against the probability foretold, by bands of customers "
        "with intervals that hold in all at once: {listed}."
    ).format(finding=finding, listed=listed)
    ax.set_label(sentences(drawn, left_out(len(check.bands) - len(rows))))
    return ax


def _calibration_finding(missed: int, bands: int) -> str:
    if missed == 0:
        return ngettext(
            "Defaults agree with the probability foretold",
            "In all {n} bands, defaults agree with the probability foretold",
            bands,
        ).format(n=bands)
    if missed == bands:
        return ngettext(
            "Defaults do not agree with the probability foretold",
            "In none of {n} bands do defaults agree with the probability foretold",
            bands,
        ).format(n=bands)
    return _("In {missed} of {n} bands, defaults do not agree with the probability foretold").format(
        missed=missed, n=bands
    )


def value_risk_map(result, ax=None):
    """Customers by value and by risk: how many, and their share of the lifetime value; darker with more customers.

    `result` is what `credit.value_by_risk` gives.
    """
    ax = new_axes() if ax is None else ax
    customers, hidden = result.matrix("customers"), result.hidden.to_numpy()
    cells = customers.to_numpy(), [_(tier) for tier in customers.index], [_(risk) for risk in customers.columns]
    counted_cells(ax, cells[0], result.matrix("value").to_numpy(), *cells[1:], hidden)
    ax.set_xlabel(_("customers, and their share of the lifetime value"), loc="left")
    risky = np.outer(customers.index == VALUE_TIERS[-1], customers.columns.isin((HIGH, IN_DEFAULT)))
    found = int(cells[0][risky].sum())
    finding = (
        ngettext(
            "One customer of high value is of high risk or in default",
            "{n} customers of high value are of high risk or in default",
            found,
        ).format(n=language.number(found))
        if found
        else _("No customer of high value is of high risk or in default")
    )
    if hidden[risky].any():
        finding = largest_cell(*cells, hidden)
    ax.set_title(finding, loc="left")
    told, others = listed_cells(*cells, hidden)
    drawn = _("Customers by value and risk: {listed}.").format(listed=told) if told else ""
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn, others))
    return ax


def overdue_ageing(behaviour, ax=None):
    """Overdue amounts by how long they are overdue, with the customers who owe them.

    `behaviour` is what `credit.payment_behaviour` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    rows, unit, place = behaviour.ageing, behaviour.overdue.unit, np.arange(len(behaviour.ageing))
    shown = np.isin(place, large(rows.reset_index(drop=True)).index)
    amounts = np.where(shown, rows["amount"].to_numpy(float), 0.0)
    oldest = place == place[-1]
    seaborn.barplot(
        x=place, y=amounts, hue=oldest, palette={True: C2, False: C1}, saturation=1, dodge=False, width=0.72,
        errorbar=None, legend=False, ax=ax,
    )  # fmt: skip
    owing = []
    for at, row in zip(place, rows.itertuples(), strict=True):
        text = {"textcoords": "offset points", "ha": "center"}
        strong = "bold" if oldest[at] else "normal"
        if not shown[at]:
            ax.annotate(HIDDEN, (at, 0), xytext=(0, 5), color=MUTED, **text)
            continue
        ax.annotate(_short(row.amount, unit), (at, row.amount), xytext=(0, 22), fontweight=strong, **text)
        owes = ngettext("{n} customer", "{n} customers", row.customers).format(n=language.number(row.customers))
        told = _("{band}: {amount}, {customers}")
        owing.append(told.format(band=_(row.band), amount=language.quantity(row.amount, unit), customers=owes))
        ax.annotate(owes, (at, row.amount), xytext=(0, 5), color=MUTED, **text)
    names = [_(band) for band in rows["band"]]
    ax.set_xticks(place, [_broken(name) for name in names] if is_narrow(ax) else names)
    ax.set_ylim(0, max(float(amounts.max()), 1e-9) * 1.2)
    ax.set_yticks([])
    ax.set_xlabel(_("how long the amounts are overdue"), loc="left")
    ax.set_ylabel("")
    total = float(rows["amount"].sum())
    finding = _("Nothing is overdue")
    if total > 0 and not shown[-1]:
        finding = _("{amount} is overdue").format(amount=language.quantity(total, unit))
    elif total > 0:
        finding = _("{share} of the overdue amount is more than 90 days late").format(
            share=language.quantity(float(amounts[-1]) / total, "share")
        )
    ax.set_title(finding, loc="left")
    drawn = _("Bars of the overdue amounts by how long they are overdue: {listed}.").format(listed=clauses(owing))
    others = left_out(int((~shown).sum()))
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn if owing else "", others))
    return ax


def _short(value: float, unit: str) -> str:
    """Money in thousands or millions, in Chinese in 万 or 亿."""
    power, suffix, digits = language.scale(value, None)
    if not power:
        return language.quantity(value, unit)
    told = language.number(value / 10**power, digits)
    symbol = language.currency_symbol(unit) if language.is_currency(unit) else ""
    return f"{told} {suffix}{symbol}" if spoken() == "zh" else f"{symbol}{told}{suffix}"


def _broken(name: str) -> str:
    """A name on two lines, where it has more than one word."""
    first, _space, rest = name.rpartition(" ")
    return f"{first}\n{rest}" if first else name
