"""Figures of early warning: whom it pays to call, where the value at risk lies, what a point of retention is worth."""

import numpy as np

from crmlab import language
from crmlab.groups import large, left_out
from crmlab.messages import _, clauses, ngettext, sentences
from crmlab.plots.forest import INTERVAL, money_axis, nothing, rows_of
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.svg import TOKENS

MUTED, LINE, PAPER, INK, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "ink", "c1", "c2"))
_DOT = {"s": 81, "linewidth": 0, "legend": False, "zorder": 3, "clip_on": False}  # 9 px across


def profit_curve(contact, ax=None):
    """Profit of calling everybody above a chance to leave, over the share of customers that this calls.

    `contact` is what `churn.contact.contact_threshold` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    curve, unit = contact.curve, contact.profit.unit
    share, profit = curve["contacted_share"].to_numpy(), curve["profit"].to_numpy()
    ax.axhline(0, color=LINE, linewidth=1)
    ax.fill_between(share, profit, 0, where=profit > 0, color=C1, alpha=0.1, linewidth=0, interpolate=True)
    ax.fill_between(share, profit, 0, where=profit < 0, color=C2, alpha=0.1, linewidth=0, interpolate=True)
    seaborn.lineplot(x=share, y=profit, estimator=None, sort=False, color=C1, ax=ax)
    low, high = float(profit.min()), float(profit.max())
    span = (high - low) or 1.0
    ax.set_xlim(0, 1)
    ax.set_ylim(low - 0.06 * span, high + 0.2 * span)
    money_axis(ax.yaxis, unit, low, high)
    _called_axis(ax, curve, (0.25, 0.5, 0.75, 1) if is_narrow(ax) else (0.2, 0.4, 0.6, 0.8, 1))
    across = _("customers called; below, the chance to leave from which on")
    ax.set_xlabel(_("customers called; chance to leave") if is_narrow(ax) else across, loc="left")
    ax.set_ylabel("")
    value_name(ax, _("profit"))
    finding, told = _("Calling pays for nobody"), ""
    if contact.pays:
        best = float(profit.max())
        values = {
            "threshold": language.quantity(contact.threshold, "share"),
            "share": language.quantity(contact.contacted_share, "share"),
            "profit": contact.profit.text(),
            "evidence": contact.profit.evidence(),
        }
        ax.plot([contact.contacted_share] * 2, [low - 0.06 * span, best], color=LINE, linewidth=1)
        seaborn.scatterplot(x=[contact.contacted_share], y=[best], marker="D", color=C2, ax=ax, **_DOT)
        right = contact.contacted_share > 0.6
        text = {"textcoords": "offset points", "ha": "right" if right else "left", "va": "bottom"}
        told = _("from a chance of {threshold}: {share} of customers").format(**values)
        told = _("from {threshold}").format(**values) if is_narrow(ax) else told
        ax.annotate(told, (contact.contacted_share, best), xytext=(8 if right else -8, 9), fontweight="bold", **text)
        finding = _("It pays best to call the {share} of customers most at risk").format(**values)
        told = _("On customers of whom the threshold knew nothing, that brings {profit} {evidence}.").format(**values)
    ax.set_title(finding, loc="left")
    drawn = _("Curve of the profit over the share of customers called, those most likely to leave first.")
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn, told))
    return ax


def _called_axis(ax, curve, ticks) -> None:
    """Shares of customers, and under each the chance to leave from which on so many are called."""
    thresholds = np.interp(ticks, curve["contacted_share"].iloc[1:], curve["threshold"].iloc[1:])
    digits = 0 if thresholds.max() >= 0.1 else 1
    names = [language.quantity(tick, "share", digits=0) for tick in ticks]
    chances = [language.quantity(chance, "share", digits=digits) for chance in thresholds]
    ax.set_xticks(list(ticks), [f"{name}\n≥ {chance}" for name, chance in zip(names, chances, strict=True)])


def value_at_risk_by_rank(warning, ax=None):
    """Cumulative share of what is at risk over the customers, the most at risk first.

    `warning` is what a function of `churn.warning` gives, such as `hazard_warning`.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    column = "probability" if warning.value_at_risk is None else "value_at_risk"
    at_stake = np.sort(warning.customers[column].dropna().to_numpy(float))[::-1]
    total, n = float(at_stake.sum()), len(at_stake)
    held = np.append(0.0, np.cumsum(at_stake)) / (total or 1.0)
    # as many points as can be told apart
    kept = np.unique(np.linspace(0, n, min(n, 400) + 1).round().astype(int))
    share = np.arange(n + 1) / n
    ax.plot([0, 1], [0, 1], color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    ax.fill_between(share[kept], held[kept], share[kept], color=C1, alpha=0.1, linewidth=0)
    seaborn.lineplot(x=share[kept], y=held[kept], estimator=None, sort=False, color=C1, ax=ax)
    half = int(np.searchsorted(held, 0.5 - 1e-12))
    values = {
        "n": language.number(half),
        "share": language.quantity(half / n, "share"),
        "value": "" if warning.value_at_risk is None else warning.value_at_risk.text(),
    }
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    percent_axis(ax.xaxis, (0, 0.2, 0.4, 0.6, 0.8, 1))
    percent_axis(ax.yaxis, (0, 0.25, 0.5, 0.75, 1))
    ax.set_xlabel(_("customers, the most at risk first"), loc="left")
    ax.set_ylabel("")
    of_value = warning.value_at_risk is not None
    value_name(ax, _("share of the value at risk") if of_value else _("share of those expected to leave"))
    finding = _("Nothing is at risk")
    if total > 0:
        ax.plot([0, half / n], [0.5, 0.5], color=LINE, linewidth=1)
        seaborn.scatterplot(x=[half / n], y=[0.5], marker="D", color=C2, ax=ax, **_DOT)
        right = half / n > 0.55
        text = {"textcoords": "offset points", "ha": "right" if right else "left", "va": "top"}
        one = ngettext("{n} customer", "{n} customers", half).format(**values)
        ax.annotate(one, (half / n, 0.5), xytext=(-10 if right else 12, -6), fontweight="bold", **text)
        if of_value:
            finding = ngettext(
                "{n} customer ({share}) holds half of the value at risk",
                "{n} customers ({share}) hold half of the value at risk",
                half,
            ).format(**values)
        else:
            finding = ngettext(
                "{n} customer ({share}) accounts for half of those expected to leave",
                "{n} customers ({share}) account for half of those expected to leave",
                half,
            ).format(**values)
    ax.set_title(finding, loc="left")
    drawn = _("Curve of the cumulative share of what is at risk over the customers, the most at risk first.")
    told = _("{value} is at risk in all.").format(**values) if of_value else ""
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn, told))
    return ax


def value_at_risk_by_reason(warning, ax=None):
    """Value at risk with the customers at risk by their first reason, with how many they are.

    `warning` is what a function of `churn.warning` gives, such as `hazard_warning`.
    """
    ax = new_axes() if ax is None else ax
    rows, of_value = large(warning.reasons), warning.value_at_risk is not None
    if rows.empty and len(warning.reasons):
        return nothing(ax, _("No group is large enough to be told of"))
    place = rows_of(ax, rows["reason"])
    unit = warning.value_at_risk.unit if of_value else "customers"
    measure = "value_at_risk" if of_value else "customers"
    sizes, total = rows[measure].to_numpy(float), float(warning.reasons[measure].sum())
    ax.barh(place, sizes, height=0.56, color=[C2] + [C1] * (len(rows) - 1) if len(rows) else C1, linewidth=0)
    most = float(sizes.max(initial=0.0)) or 1.0
    counts = [ngettext("{n} customer", "{n} customers", n).format(n=language.number(n)) for n in rows["customers"]]
    for at, size, count in zip(place, sizes, counts, strict=True):
        text = {"textcoords": "offset points", "va": "center", "color": MUTED}
        ax.annotate(count, (size, at), xytext=(6, 0), **text)
    ax.set_xlim(0, (1.65 if is_narrow(ax) else 1.2) * most)
    money_axis(ax.xaxis, unit if of_value else "", 0.0, most)
    finding = _("No customer is at risk")
    if len(rows):
        values = {
            "reason": rows["reason"].iloc[0],
            "share": language.quantity(float(sizes[0] / (total or 1.0)), "share", digits=0),
        }
        finding = _("{reason}: first reason for {share} of the value of customers at risk").format(**values)
        if not of_value:
            finding = _("{reason}: first reason of {share} of the customers at risk").format(**values)
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{reason}: {value}, {customers}").format(reason=name, value=language.quantity(size, unit), customers=count)
        if of_value
        else _("{reason}: {customers}").format(reason=name, customers=count)
        for name, size, count in zip(rows["reason"], sizes, counts, strict=True)
    )
    drawn = _("{finding}. Bars by first reason: {rows}.").format(finding=finding, rows=told or finding)
    ax.set_label(sentences(drawn, left_out(len(warning.reasons) - len(rows))))
    return ax


def worth_of_retention(worth, ax=None):
    """Change of the customers' value over points of retention, with its interval.

    `worth` is what `churn.worth.contract_retention_worth` or `purchase_retention_worth` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    rows, unit = worth.curve[worth.curve["points"] != 0], worth.per_point.unit
    points, changes = worth.curve["points"].to_numpy(float), list(rows["change"])
    values = np.where(points == 0, 0.0, worth.curve["value"] - worth.total.value)
    ax.axhline(0, color=LINE, linewidth=1)
    ax.plot(points, values, color=LINE, linewidth=1.5)
    better = rows["points"] > 0
    for at, change, up in zip(rows["points"], changes, better, strict=True):
        bar = {"color": C1 if up else C2, "linewidth": INTERVAL, "solid_capstyle": "butt"}
        ax.plot([at, at], [change.low, change.high], **bar)
    at, middle = rows["points"].to_numpy(float), np.array([change.value for change in changes])
    seaborn.scatterplot(x=at[better], y=middle[better], color=C1, ax=ax, **_DOT)
    seaborn.scatterplot(x=at[~better], y=middle[~better], marker="D", color=C2, ax=ax, **_DOT)
    seaborn.scatterplot(x=[0.0], y=[0.0], color=PAPER, edgecolor=INK, ax=ax, **(_DOT | {"s": 64, "linewidth": 2}))
    low, high = (
        float(pick([getattr(change, end) for change in changes])) for pick, end in ((min, "low"), (max, "high"))
    )
    low, high = min(low, 0.0), max(high, 0.0)
    span = (high - low) or 1.0
    ax.set_ylim(low - 0.06 * span, high + 0.06 * span)
    money_axis(ax.yaxis, unit, low, high)
    ticks = sorted({*at, 0.0})
    names = [language.number(tick, 0 if tick.is_integer() else 1) for tick in ticks]
    stay = language.quantity(worth.retention.value, "share", digits=0 if is_narrow(ax) else 1)
    names = [f"+{name}" if tick > 0 else stay if tick == 0 else name for tick, name in zip(ticks, names, strict=True)]
    ax.set_xticks(ticks, names)
    ax.set_xlabel(_("retention a year, and points more or less"), loc="left")
    ax.set_ylabel("")
    value_name(ax, _("change of value"))
    gain = worth.per_point
    ax.set_title(_("One point of retention is worth {gain}").format(gain=gain.text()), loc="left")
    told = clauses(
        _("{points} points: {change} {evidence}").format(points=name, change=change.text(), evidence=change.evidence())
        for name, change in zip((name for name, tick in zip(names, ticks, strict=True) if tick), changes, strict=True)
    )
    label = _("Change of the customers’ value over points of retention, from {retention} a year: {rows}.")
    ax.set_label(label.format(retention=worth.retention.text(), rows=told))
    return ax
