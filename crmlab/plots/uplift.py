"""Figures of the programme's effect: month by month, by design, by group, and of a ranking of customers."""

import numpy as np

from crmlab import language
from crmlab.groups import column_name, named
from crmlab.messages import _, clauses, pgettext, sentences
from crmlab.plots.forest import DOT, HOLLOW, INTERVAL, legend, money_axis, nothing, rows_of
from crmlab.plots.house import is_narrow, new_axes, percent_axis
from crmlab.plots.svg import TOKENS
from crmlab.privacy import min_group

MUTED, LINE, PAPER, INK, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "ink", "c1", "c2"))
_DOTTED = (0, (2, 3))
# events seen of fewer than this share of the customers of the best seen one only make the axis long
_FEWEST = 0.2


def event_study(effect, ax=None):
    """The effect by month since the start, with what the groups differed by before it.

    `effect` is what `uplift.programme_effect` gives.
    """
    ax = new_axes() if ax is None else ax
    fewest = max(_FEWEST * effect.events["customers"].max(), min_group())
    events = effect.events[effect.events["customers"] >= fewest]
    if events.empty:
        return nothing(ax, _("No group is large enough to be told of"))
    month, value = events["event"].to_numpy(dtype=float), events["effect"].to_numpy(dtype=float)
    low, high = events["low"].to_numpy(dtype=float), events["high"].to_numpy(dtype=float)
    before = month < 0
    ax.axhline(0, color=INK, linewidth=1)
    ax.axvline(-0.5, color=LINE, linewidth=1.5, linestyle=_DOTTED)
    size = DOT["s"] if len(events) <= 30 and not is_narrow(ax) else 25
    marks = []
    for inside, colour, hollow in ((before, MUTED, True), (~before, C1, False)):
        ax.vlines(month[inside], low[inside], high[inside], color=colour, linewidth=1.5)
        style = DOT | {"s": size}
        face = (
            {"facecolor": PAPER, "edgecolor": colour, **style, "linewidth": 1.5}
            if hollow
            else {"color": colour, **style}
        )
        marks.append(ax.scatter(month[inside], value[inside], **face))
    after = month >= 0
    if after.any():
        ax.plot([-0.5, month.max() + 0.5], [effect.estimate.value] * 2, color=C2, linewidth=1.5)
    least, most = min(low.min(), 0.0), max(high.max(), 0.0)
    span = (most - least) or 1.0
    ax.set_ylim(least - 0.04 * span, most + 0.04 * span)
    ax.set_xlim(month.min() - 0.7, month.max() + 0.7)
    step = 12 if month.max() - month.min() > 40 else 6 if month.max() - month.min() > 14 else 3
    ticks = np.arange(step * np.ceil(month.min() / step), month.max() + 1, step)
    ax.set_xticks(ticks, [language.number(tick) for tick in ticks])
    ax.set_xlabel(_("months since the start"))
    money_axis(ax.yaxis, effect.unit, least, most)
    if before.any() and after.any():
        legend(ax, marks, [pgettext("legend", "before the start"), pgettext("legend", "with the programme")])
    ax.set_title(_finding(effect), loc="left")
    label = _("{finding}. Effect by month since the start: {months}.").format(
        finding=_finding(effect),
        months=clauses(
            _("month {month} {effect}").format(
                month=language.number(row.event), effect=language.quantity(row.effect, effect.unit, digits=0)
            )
            for row in events.itertuples()
        ),
    )
    ax.set_label(sentences(label, effect.summary()))
    return ax


def _finding(effect) -> str:
    words = {"effect": language.quantity(abs(effect.estimate.value), effect.unit, digits=effect.estimate.digits)}
    if effect.direction == "more":
        message = _("Since the start, {effect} more per customer and month")
    elif effect.direction == "less":
        message = _("Since the start, {effect} less per customer and month")
    else:
        message = _("No effect can be told from chance")
    return message.format(**words)


def effect_by_design(comparison, ax=None):
    """The effect by each design that the data allow, with intervals; the first is the one that counts.

    `comparison` is what `uplift.effects_by_design` gives.
    """
    ax = new_axes() if ax is None else ax
    table = comparison.table()
    estimates = list(table["effect"])
    place = rows_of(ax, table["design"])
    _forest(ax, place[:1], estimates[:1], C1)
    if len(estimates) > 1:
        _forest(ax, place[1:], estimates[1:], MUTED)
    _money_range(ax, estimates, estimates[0].unit)
    finding = _("{design}: {effect} per customer and month").format(
        design=str(table["design"].iloc[0]).capitalize(), effect=estimates[0].text()
    )
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{group} {value} {evidence}").format(
            group=row.design, value=row.effect.text(), evidence=row.effect.evidence()
        )
        for row in table.itertuples()
    )
    ax.set_label(_("Effect per customer and month by design: {designs}.").format(designs=told))
    return ax


def effect_by_group(effects, ax=None):
    """The effect in each group: its own, and drawn towards what all groups share, with the latter's interval.

    `effects` is what `uplift.effect_by_group` gives.
    """
    ax = new_axes() if ax is None else ax
    groups = effects.groups
    column = effects.best_known
    order = np.argsort([-each.value for each in groups[column]], kind="stable")
    groups = groups.iloc[order]
    names, estimates = named(groups["group"]), list(groups[column])
    place = rows_of(ax, names)
    marks = [_forest(ax, place, estimates, C1)]
    drawn = list(estimates)
    if column == "shrunken":
        own = list(groups["effect"])
        marks.append(ax.scatter([each.value for each in own], place, facecolor=PAPER, edgecolor=C2, **HOLLOW))
        drawn += [type(each)(each.value, each.value, each.value, each.unit, each.n) for each in own]
        legend(ax, marks, [pgettext("legend", "drawn to the rest"), pgettext("legend", "the group's own")])
    _money_range(ax, drawn, estimates[0].unit)
    by = column_name(effects.by)
    finding = _("No difference between groups can be told from chance")
    if len(groups) == 1:
        finding = _("All customers are in one group: {group}").format(group=names.iloc[0])
    elif effects.p < 0.05:
        finding = _("{group} gains most: {effect} per customer and month").format(
            group=names.iloc[0], effect=estimates[0].text()
        )
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{group} {value} {evidence}").format(group=name, value=each.text(), evidence=each.evidence())
        for name, each in zip(names, estimates, strict=True)
    )
    ax.set_label(_("Effect per customer and month by {by}: {groups}.").format(by=by, groups=told))
    return ax


def qini_curve(ranking, ax=None):
    """What reaching a share of the customers gains, the most promising first, against reaching them by chance.

    `ranking` is what `uplift.targeting` gives.
    """
    ax = new_axes() if ax is None else ax
    curve = ranking.curve
    share = curve["share"].to_numpy(dtype=float)
    low, high = curve["low"].to_numpy(dtype=float), curve["high"].to_numpy(dtype=float)
    ax.fill_between(share, low, high, color=C1, alpha=0.18, linewidth=0)
    (ranked,) = ax.plot(share, curve["gain"], color=C1)
    (chance,) = ax.plot(share, curve["by_chance"], color=MUTED, linewidth=1.5, linestyle=_DOTTED)
    least, most = min(0.0, low.min()), max(high.max(), 0.0)
    span = (most - least) or 1.0
    ax.set_ylim(least - 0.02 * span, most + 0.06 * span)
    ax.set_xlim(0, 1)
    percent_axis(ax.xaxis, np.linspace(0, 1, 6))
    ax.set_xlabel(_("share of customers reached, the most promising first"))
    money_axis(ax.yaxis, ranking.unit, least, most)
    legend(ax, [ranked, chance], [pgettext("legend", "by the ranking"), pgettext("legend", "by chance")])
    half = float(np.interp(0.5, share, curve["gain"]))
    whole = float(curve["gain"].iloc[-1])
    finding = _("Who gains most cannot be told in advance")
    if ranking.qini.low > 0:
        finding = _("Who gains most can be told in advance")
        if 0 < whole <= half:
            finding = _("Half of the customers bring the whole effect")
        elif half > 0:
            finding = _("Half of the customers bring {share} of the effect").format(
                share=language.quantity(half / whole, "share", digits=0)
            )
    ax.set_title(finding, loc="left")
    label = _(
        "{finding}. Reaching half of the customers by the ranking gains {half} per customer and month, reaching all "
        "{whole}."
    )
    told = label.format(
        finding=finding,
        half=language.quantity(half, ranking.unit, digits=ranking.qini.digits),
        whole=language.quantity(whole, ranking.unit, digits=ranking.qini.digits),
    )
    ax.set_label(sentences(told, ranking.summary()))
    return ax


def _forest(ax, place, estimates, colour):
    """Estimates with their intervals; the marks of the estimates."""
    for at, each in zip(place, estimates, strict=True):
        if each.low is not None:
            ax.hlines(at, each.low, each.high, color=colour, linewidth=INTERVAL)
    return ax.scatter([each.value for each in estimates], place, color=colour, **DOT)


def _money_range(ax, estimates, unit: str) -> None:
    """An axis of money that holds zero and all the intervals."""
    least = min(0.0, *(each.value if each.low is None else each.low for each in estimates))
    most = max(0.0, *(each.value if each.high is None else each.high for each in estimates))
    span = (most - least) or 1.0
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_xlim(least - 0.03 * span, most + 0.03 * span)
    money_axis(ax.xaxis, unit, least, most)
