"""Figures of contribution: who brings the revenue, what changed it, what winning a customer costs."""

import numpy as np

from crmlab import language
from crmlab.groups import OTHERS, column_name, large, left_out, named
from crmlab.messages import _, clauses, pgettext, sentences
from crmlab.plots.forest import DOT, HOLLOW, INTERVAL, legend, money_axis, rows_of
from crmlab.plots.house import is_narrow, new_axes, percent_axis
from crmlab.plots.svg import TOKENS

MUTED, LINE, PAPER, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "c1", "c2"))


def contribution_by_group(contribution, ax=None):
    """Share of revenue of each group with its interval, beside its share of customers.

    `contribution` is what `contribution.contribution_by_group` gives.
    """
    ax = new_axes() if ax is None else ax
    groups = contribution.groups
    if contribution.revenue <= 0:
        return _nothing(ax, groups, _("Revenue is not above zero: no group has a share of it"))
    names, shares = named(groups["group"]), list(groups["revenue_share"])
    place = rows_of(ax, names)
    across = groups["customer_share"].to_numpy(dtype=float)
    for at, share in zip(place, shares, strict=True):
        if share.low is not None:
            ax.hlines(at, share.low, share.high, color=C1, linewidth=INTERVAL)
    shown = ax.scatter([share.value for share in shares], place, color=C1, **DOT)
    others = ax.scatter(across, place, facecolor=PAPER, edgecolor=C2, **HOLLOW)
    most = max(across.max(), *(share.value if share.high is None else share.high for share in shares))
    step = next(step for step in (0.05, 0.1, 0.2, 0.25) if most / step <= 5 or step == 0.25)
    least = min(0.0, *(share.value if share.low is None else share.low for share in shares))
    ax.set_xlim(min(least, -0.015 * most), 1.04 * most)
    percent_axis(ax.xaxis, np.arange(step * np.floor(least / step), most + 1e-9, step))
    legend(ax, [shown, others], [pgettext("legend", "share of revenue"), pgettext("legend", "share of customers")])
    first = groups.iloc[0]
    finding = _("{group}: {share} of revenue from {customers} of customers").format(
        group=names.iloc[0],
        share=shares[0].text(),
        customers=language.quantity(float(first["customer_share"]), "share"),
    )
    if len(groups) == 1:
        finding = _("All customers are in one group: {group}").format(group=names.iloc[0])
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{group} {share} {evidence}, {customers} of customers").format(
            group=name,
            share=share.text(),
            evidence=share.evidence(),
            customers=language.quantity(float(part), "share"),
        )
        for name, share, part in zip(names, shares, across, strict=True)
    )
    drawn = _("Share of revenue by {by} with its interval, beside the share of customers: {groups}.")
    ax.set_label(drawn.format(by=column_name(contribution.by), groups=told))
    return ax


def revenue_bridge(bridge, ax=None):
    """From the amount of the period before to that of the later one, step by step.

    `bridge` is what `revenue_bridge.revenue_bridge` gives.
    """
    ax = new_axes() if ax is None else ax
    shown = bridge.steps.index.isin(large(bridge.steps.assign(step=bridge.steps["step"].map(_))).index)
    steps = [_(step) for step in bridge.steps.loc[shown, "step"]]
    changes = bridge.steps.loc[shown, "amount"].to_numpy(dtype=float)
    if not shown.all():
        steps, changes = [*steps, _(OTHERS)], np.append(changes, bridge.steps.loc[~shown, "amount"].sum())
    names = [_("Period before"), *steps, _("This period")]
    place = rows_of(ax, names)
    reached = bridge.before + np.concatenate([[0.0], np.cumsum(changes)])
    starts = np.concatenate([[0.0], reached[:-1], [0.0]])
    widths = np.concatenate([[bridge.before], changes, [bridge.now]])
    colours = [C1, *(C1 if change >= 0 else C2 for change in changes), C1]
    faint = [1.0, *([0.55] * len(changes)), 1.0]
    for at, start, width, colour, alpha in zip(place, starts, widths, colours, faint, strict=True):
        ax.barh(at, width, left=start, height=0.62, color=colour, alpha=alpha, linewidth=0)
    joins = np.concatenate([[bridge.before], reached[1:]])
    for upper, at in enumerate(joins):
        ax.plot([at, at], [place[upper], place[upper + 1]], color=LINE, linewidth=1)
    ends = np.concatenate([starts, starts + widths, [0.0]])
    least, most = ends.min(), ends.max()
    span = (most - least) or 1.0
    room = 0.3 if is_narrow(ax) else 0.16
    ax.set_xlim(least - (0.01 if least == 0 else room) * span, most + room * span)
    money_axis(ax.xaxis, bridge.unit, least, most)
    for at, start, width in zip(place, starts, widths, strict=True):
        total = at in (place[0], place[-1])
        sign = "" if total else "+" if width > 0 else ""
        text = sign + _short(width, bridge.unit)
        ax.annotate(
            text, (max(start, start + width), at), xytext=(6, 0), textcoords="offset points", va="center",
            fontweight="bold" if total else "normal",
        )  # fmt: skip
    growth = bridge.growth
    finding = _("The two periods cannot be compared")
    if growth is not None:
        finding = _("Revenue: {change} from one period to the next")
        if bridge.measure == "margin":
            finding = _("Net profit: {change} from one period to the next")
        finding = finding.format(change=_signed(growth.value))
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{step} {change}").format(step=name, change=language.quantity(float(change), bridge.unit))
        for name, change in zip(steps, changes, strict=True)
    )
    words = _("Bridge from {before} in the period before to {now} in this one: {steps}.").format(
        before=language.quantity(bridge.before, bridge.unit),
        now=language.quantity(bridge.now, bridge.unit),
        steps=told or _("no customer in either"),
    )
    ax.set_label(sentences(words, left_out(int((~shown).sum())), bridge.summary()))
    return ax


def cac_by_channel(cost, ax=None):
    """Cost of winning a customer by channel, with intervals; the line is that of all channels.

    `cost` is what `acquisition.acquisition_cost` gives.
    """
    ax = new_axes() if ax is None else ax
    known = cost.channels[[cac is not None for cac in cost.channels["cac"]]]
    if cost.total is None or known.empty:
        return _nothing(ax, cost.channels, _("The cost of winning a customer cannot be told"))
    known = known.iloc[np.argsort([-cac.value for cac in known["cac"]], kind="stable")]
    names, costs = named(known["group"]), list(known["cac"])
    place = rows_of(ax, names)
    ax.axvline(cost.total.value, color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    ax.annotate(
        _("all channels"), (cost.total.value, 0), xycoords=("data", "axes fraction"), xytext=(4, 6),
        textcoords="offset points", color=MUTED,
    )  # fmt: skip
    for at, cac in zip(place, costs, strict=True):
        if cac.low is not None:
            ax.hlines(at, cac.low, cac.high, color=C1, linewidth=INTERVAL)
    ax.scatter([cac.value for cac in costs], place, color=C1, **DOT)
    most = max(cac.value if cac.high is None else cac.high for cac in costs)
    ax.set_xlim(-0.015 * most, 1.04 * most or 1.0)
    money_axis(ax.xaxis, cost.unit, 0.0, most)
    finding = _("{channel} costs most: {cost} a customer").format(channel=names.iloc[0], cost=costs[0].text())
    if len(costs) == 1:
        finding = _("A customer costs {cost}").format(cost=costs[0].text())
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{group} {value} {evidence}").format(group=name, value=cac.text(), evidence=cac.evidence())
        for name, cac in zip(names, costs, strict=True)
    )
    label = _("Cost of winning a customer by channel, with its interval: {channels}. All channels: {total} {evidence}.")
    ax.set_label(label.format(channels=told, total=cost.total.text(), evidence=cost.total.evidence()))
    return ax


def _nothing(ax, groups, finding: str):
    """Axes that say why there is nothing to draw."""
    rows_of(ax, named(groups["group"]))
    ax.set_xticks([])
    ax.set_title(finding, loc="left")
    ax.set_label(_("{finding}.").format(finding=finding))
    return ax


def _short(value: float, unit: str) -> str:
    """A sum of money beside a bar, in thousands or millions."""
    power, suffix, _digits = language.scale(value, None)
    if not power:
        return language.quantity(value, unit)
    digits = max(0, 2 - int(np.log10(abs(value) / 10**power)))
    return language.number(value / 10**power, digits) + ("" if suffix in "km" else " ") + suffix


def _signed(change: float) -> str:
    return ("+" if change > 0 else "") + language.quantity(change, "share")
