"""Figures of whom to treat how: customers by value and satisfaction or risk, and what is at stake by strategy."""

import numpy as np

from crmlab import language
from crmlab.diagnosis.levels import word
from crmlab.groups import left_out
from crmlab.messages import N_, _, clauses, ngettext, sentences
from crmlab.plots.cells import counted_cells, largest_cell, listed_cells
from crmlab.plots.forest import money_axis, nothing, rows_of
from crmlab.plots.house import is_narrow, new_axes
from crmlab.plots.svg import TOKENS

MUTED, C1, C2 = (TOKENS[name] for name in ("muted", "c1", "c2"))
# by what a map is across: the levels that need care among customers of high value; what is said of none, one, more of
# them, and of the whole map
_CARE = {"satisfaction": ("low",), "risk": ("high", "default"), "leaving": ("high",)}
_FOUND = {
    "satisfaction": (
        N_("No customer of high value is dissatisfied"),
        N_("One customer of high value is dissatisfied"),
        N_("{n} customers of high value are dissatisfied"),
        N_("Customers by value and satisfaction: {listed}."),
    ),
    "risk": (
        N_("No customer of high value is of high risk or in default"),
        N_("One customer of high value is of high risk or in default"),
        N_("{n} customers of high value are of high risk or in default"),
        N_("Customers by value and risk: {listed}."),
    ),
    "leaving": (
        N_("No customer of high value is likely to leave"),
        N_("One customer of high value is likely to leave"),
        N_("{n} customers of high value are likely to leave"),
        N_("Customers by value and chance to leave: {listed}."),
    ),
}


def segment_map(strategies, ax=None, *, across=("satisfaction", "risk", "leaving")):
    """Customers by value and by the first of `across` that is known: how many, and their share of the value.

    `strategies` is what `diagnosis.strategies.customer_strategies` gives.
    """
    ax = new_axes() if ax is None else ax
    known = [name for name in across if strategies.customers[name].notna().any()]
    what = (known or list(across))[0]
    customers = strategies.matrix(what)
    across_names = [word(what, level) for level in customers.columns]
    down = [word("value", value) for value in customers.index]
    cells, hidden = (customers.to_numpy(), down, across_names), strategies.hidden_cells(what)
    counted_cells(ax, cells[0], strategies.matrix(what, "worth").to_numpy(), down, across_names, hidden)
    ax.set_xlabel(_("customers, and their share of the value"), loc="left")
    care = np.outer(customers.index == "high", customers.columns.isin(_CARE[what]))
    found = int(cells[0][care].sum())
    finding = _(_FOUND[what][min(found, 2)]).format(n=language.number(found))
    if hidden[care].any():
        finding = largest_cell(*cells, hidden)
    ax.set_title(finding, loc="left")
    told, others = listed_cells(*cells, hidden)
    drawn = _(_FOUND[what][-1]).format(listed=told) if told else ""
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn, others))
    return ax


def strategies_by_stake(strategies, ax=None):
    """Value at stake under each strategy, with how many customers it is for; customers, where no value is known.

    `strategies` is what `diagnosis.strategies.customer_strategies` gives.
    """
    ax = new_axes() if ax is None else ax
    shown, unit = ~strategies.hidden, strategies.unit
    if not shown.any():
        return nothing(ax, _("No group is large enough to be told of"))
    rows = strategies.rows[shown]
    of_value = bool(rows["at_stake"].notna().any())
    measure = "at_stake" if of_value else "customers"
    sizes, total = rows[measure].fillna(0.0).to_numpy(float), float(strategies.rows[measure].sum())
    titles = [_(title) for title in rows["title"]]
    place = rows_of(ax, titles)
    foremost = strategies.foremost()
    first = int(shown[:foremost].sum()) if shown[foremost] else 0
    ax.barh(place, sizes, height=0.56, color=[C2 if at == first else C1 for at in range(len(rows))], linewidth=0)
    most = float(sizes.max(initial=0.0)) or 1.0
    counts = [ngettext("{n} customer", "{n} customers", n).format(n=language.number(n)) for n in rows["customers"]]
    for at, size, count in zip(place, sizes, counts, strict=True):
        text = {"textcoords": "offset points", "va": "center", "color": MUTED}
        ax.annotate(count, (size, at), xytext=(6, 0), **text)
    ax.set_xlim(0, (1.75 if is_narrow(ax) else 1.25) * most)
    money_axis(ax.xaxis, unit if of_value else "", 0.0, most)
    if is_narrow(ax):
        # the bars leave room for their counts: of the ticks, the ends alone fit
        names = [name.get_text() for name in ax.get_xticklabels()]
        ax.set_xticks(ax.get_xticks()[[0, -1]], [names[0], names[-1]])
    share = language.quantity(float(sizes[first] / (total or 1.0)), "share", digits=0)
    finding = _("“{strategy}” holds {share} of the value at stake")
    finding = finding if of_value else _("“{strategy}” is for {share} of the customers")
    finding = finding.format(strategy=titles[first], share=share)
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{strategy}: {value}, {customers}").format(
            strategy=title, value=language.quantity(size, unit), customers=count
        )
        if of_value
        else _("{strategy}: {customers}").format(strategy=title, customers=count)
        for title, size, count in zip(titles, sizes, counts, strict=True)
    )
    drawn = _("{finding}. Bars by strategy: {rows}.").format(finding=finding, rows=told)
    ax.set_label(sentences(drawn, left_out(int((~shown).sum()))))
    return ax
