"""Figures of credit risk: whether probabilities came true, value against risk, how old the overdue amounts are."""

import numpy as np

from crmlab import language
from crmlab.credit.tiers import HIGH, IN_DEFAULT
from crmlab.credit.value_at_risk import VALUE_TIERS
from crmlab.messages import _, clauses, ngettext, sentences, spoken
from crmlab.plots.calibration import draw_calibration
from crmlab.plots.house import is_narrow, new_axes
from crmlab.plots.svg import TOKENS

LINE, PAPER, INK, MUTED, C1, C2 = (TOKENS[name] for name in ("line", "paper", "ink", "muted", "c1", "c2"))
# on which ink stays readable, light and dark; a page sets paper around every letter, so that paper's colour is not
_SHADES = [TOKENS[f"q{place}"] for place in range(1, 5)]


def calibration_plot(check, ax=None):
    """Share of customers who came to default against the probability foretold, by bands of equal size."""
    ax = new_axes() if ax is None else ax
    rows = check.bands
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
    ax.set_label(
        _(
            "{finding}. Share of customers who came to default against the probability foretold, by bands of customers "
            "with intervals that hold in all at once: {listed}."
        ).format(finding=finding, listed=listed)
    )
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
    """Customers by value and by risk: how many, and their share of the lifetime value; darker with more customers."""
    from matplotlib.patches import Rectangle

    ax = new_axes() if ax is None else ax
    customers, value = result.matrix("customers"), result.matrix("value")
    total, most = float(value.to_numpy().sum()), max(float(customers.to_numpy().max(initial=0)), 1.0)
    narrow = is_narrow(ax)
    for row, tier in enumerate(customers.index):
        for column, risk in enumerate(customers.columns):
            count = int(customers.loc[tier, risk])
            shade = min(int(len(_SHADES) * count / most), len(_SHADES) - 1)
            ax.add_patch(Rectangle((column, row), 1, 1, facecolor=_SHADES[shade], edgecolor=PAPER, linewidth=2))
            middle = {"ha": "center", "color": INK}
            share = language.quantity(float(value.loc[tier, risk]) / total if total > 0 else 0.0, "share")
            ax.text(column + 0.5, row + 0.48, language.number(count), va="bottom", fontweight="bold", **middle)
            ax.text(column + 0.5, row + 0.52, share, va="top", **middle)
    ax.set_xlim(0, max(len(customers.columns), 1))
    ax.set_ylim(len(customers.index), 0)
    across, down = [_(risk) for risk in customers.columns], [_(tier) for tier in customers.index]
    ax.set_xticks(np.arange(len(across)) + 0.5, [_broken(name) for name in across] if narrow else across)
    ax.set_yticks(np.arange(len(down)) + 0.5, [_broken(name) for name in down] if narrow else down)
    ax.grid(False)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel(_("customers, and their share of the lifetime value"), loc="left")
    risky = [risk for risk in (HIGH, IN_DEFAULT) if risk in customers.columns]
    found = int(customers.loc[VALUE_TIERS[-1], risky].sum())
    finding = (
        ngettext(
            "One customer of high value is of high risk or in default",
            "{n} customers of high value are of high risk or in default",
            found,
        ).format(n=language.number(found))
        if found
        else _("No customer of high value is of high risk or in default")
    )
    ax.set_title(finding, loc="left")
    listed = clauses(
        _("{value}, {risk}: {n}").format(value=_(tier), risk=_(risk), n=language.number(int(customers.loc[tier, risk])))
        for tier in customers.index
        for risk in customers.columns
    )
    ax.set_label(_("{finding}. Customers by value and risk: {listed}.").format(finding=finding, listed=listed))
    return ax


def overdue_ageing(behaviour, ax=None):
    """Overdue amounts by how long they are overdue, with the customers who owe them."""
    import seaborn

    ax = new_axes() if ax is None else ax
    rows, unit = behaviour.ageing, behaviour.overdue.unit
    amounts, place = rows["amount"].to_numpy(float), np.arange(len(rows))
    oldest = place == place[-1]
    seaborn.barplot(
        x=place, y=amounts, hue=oldest, palette={True: C2, False: C1}, saturation=1, dodge=False, width=0.72,
        errorbar=None, legend=False, ax=ax,
    )  # fmt: skip
    owing = []
    for at, row in zip(place, rows.itertuples(), strict=True):
        text = {"textcoords": "offset points", "ha": "center"}
        strong = "bold" if oldest[at] else "normal"
        ax.annotate(_short(row.amount, unit), (at, row.amount), xytext=(0, 22), fontweight=strong, **text)
        owes = ngettext("{n} customer", "{n} customers", row.customers).format(n=language.number(row.customers))
        owing.append(owes)
        ax.annotate(owes, (at, row.amount), xytext=(0, 5), color=MUTED, **text)
    names = [_(band) for band in rows["band"]]
    ax.set_xticks(place, [_broken(name) for name in names] if is_narrow(ax) else names)
    ax.set_ylim(0, max(float(amounts.max()), 1e-9) * 1.2)
    ax.set_yticks([])
    ax.set_xlabel(_("how long the amounts are overdue"), loc="left")
    ax.set_ylabel("")
    total = float(amounts.sum())
    finding = _("Nothing is overdue")
    if total > 0:
        finding = _("{share} of the overdue amount is more than 90 days late").format(
            share=language.quantity(float(amounts[-1]) / total, "share")
        )
    ax.set_title(finding, loc="left")
    listed = clauses(
        _("{band}: {amount}, {customers}").format(band=name, amount=language.quantity(row.amount, unit), customers=owes)
        for name, owes, row in zip(names, owing, rows.itertuples(), strict=True)
    )
    ax.set_label(
        sentences(
            _("{finding}.").format(finding=finding),
            _("Bars of the overdue amounts by how long they are overdue: {listed}.").format(listed=listed),
        )
    )
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
