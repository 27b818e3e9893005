"""Figures of the net promoter score: its answers, its groups, its course over time, and what weights make of it."""

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.groups import named
from crmlab.messages import _, clauses, ngettext, sentences
from crmlab.nps.comparison import ABOVE, BELOW
from crmlab.plots.forest import DOT, HOLLOW, INTERVAL, rows_of
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.labels import shortened
from crmlab.plots.svg import TOKENS

LINE, RULE, PAPER, MUTED, C1, C2, Q2 = (TOKENS[name] for name in ("line", "rule", "paper", "muted", "c1", "c2", "q2"))
_DIAMOND = DOT | {"marker": "D", "s": 64}


def score_distribution(scores, ax=None):
    """Share of answers by score from 0 to 10; detractors stand out.

    `scores` is what `nps.score.scores` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = scores.distribution
    shares = np.array([share.value for share in rows["share"]])
    colours = [C2 if score <= 6 else Q2 if score <= 8 else C1 for score in rows["score"]]
    ax.bar(rows["score"], shares, width=0.78, color=colours, linewidth=0)
    most = max(0.01, max(share.high for share in rows["share"]))
    for score, share in zip(rows["score"], rows["share"], strict=True):
        ax.vlines(score, share.low, share.high, color=MUTED, linewidth=1.5)
    ax.set_xticks(rows["score"])
    ax.set_ylim(0, 1.22 * most)
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.25) if most / step <= 5 or step == 0.25)
    percent_axis(ax.yaxis, np.arange(0, most + 1e-9, step))
    of = (
        (3.0, _("detractors"), scores.detractors),
        (7.5, _("passives"), scores.passives),
        (9.5, _("promoters"), scores.promoters),
    )
    # on a phone there is no room between passives and promoters
    for at, name, share in of[::2] if is_narrow(ax) else of:
        ax.annotate(name, (at, 1.21 * most), ha="center", va="top", color=MUTED)
        ax.annotate(share.text(), (at, 1.13 * most), ha="center", va="top", fontweight="bold")
    ax.set_xlabel(_("answer, 0 to 10"), loc="left")
    value_name(ax, _("share of answers"))
    finding = _("NPS {nps}: {promoters} promoters, {detractors} detractors").format(
        nps=_signed(scores.nps), promoters=scores.promoters.text(), detractors=scores.detractors.text()
    )
    ax.set_title(finding, loc="left")
    listed = clauses(
        _("{score}: {share}").format(score=language.number(score), share=share.text())
        for score, share in zip(rows["score"], rows["share"], strict=True)
    )
    words = _("Share of the answers by score: {listed}.").format(listed=listed)
    ax.set_label(sentences(scores.summary(), words))
    return ax


def score_by_group(comparison, ax=None):
    """The score of each group with its interval; the band is that of all answers.

    `comparison` is what `nps.comparison.compared` gives.
    """
    ax = new_axes() if ax is None else ax
    groups, whole = comparison.groups, comparison.whole
    names = named(groups["group"])
    place = rows_of(ax, names)
    ax.axvspan(whole.low, whole.high, color=RULE, alpha=0.6, linewidth=0)
    ax.axvline(whole.value, color=LINE, linewidth=1.5)
    apart = groups["verdict"].isin((ABOVE, BELOW)).to_numpy()
    scores = list(groups["nps"])
    for at, nps, differs in zip(place, scores, apart, strict=True):
        ax.hlines(at, nps.low, nps.high, color=C2 if differs else C1, linewidth=INTERVAL)
    values = np.array([nps.value for nps in scores])
    ax.scatter(values[~apart], place[~apart], color=C1, **DOT)
    ax.scatter(values[apart], place[apart], color=C2, **_DIAMOND)
    _points_axis(ax.xaxis, [whole, *scores])
    if not is_narrow(ax):
        over = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        ax.annotate(_("all answers"), (whole.value, 1), xytext=(0, 6), ha="center", color=MUTED, **over)
    ax.set_title(_group_finding(comparison, int(apart.sum())), loc="left")
    told = clauses(
        _("{group} {nps} {evidence}, {verdict}").format(
            group=name, nps=nps.text(), evidence=nps.evidence(), verdict=_(verdict)
        )
        for name, nps, verdict in zip(names, scores, groups["verdict"], strict=True)
    )
    words = _("Net promoter score by group: {groups}. All answers: {whole} {evidence}.")
    ax.set_label(words.format(groups=told, whole=whole.text(), evidence=whole.evidence()))
    return ax


def _group_finding(comparison, apart: int) -> str:
    if apart == 0:
        return _("No group can be told apart from the rest")
    rows = comparison.told_apart()
    row = rows.iloc[0]
    parts = {"group": named(rows["group"]).iloc[0], "nps": _signed(row["nps"])}
    if apart == 1 and row["verdict"] == BELOW:
        return _("Only {group} differs from the rest, and lies below: {nps}").format(**parts)
    if apart == 1:
        return _("Only {group} differs from the rest, and lies above: {nps}").format(**parts)
    if row["verdict"] == BELOW:
        return _("{n} groups differ from the rest; {group} is the lowest: {nps}").format(n=apart, **parts)
    return _("{n} groups lie above the rest").format(n=apart)


def control_chart(course, ax=None):
    """The score by period with its interval, between control limits; events are marked.

    `course` is what `nps.over_time.over_time` gives.
    """
    ax = new_axes() if ax is None else ax
    rows, names = course.periods, course.names()
    days = pd.to_datetime(rows["period"])
    x = np.array([day.toordinal() for day in days], dtype=float)
    scores = list(rows["nps"])
    values = np.array([nps.value for nps in scores])
    news = rows["news"].to_numpy(bool)
    gap = float(np.diff(x).min())
    edges = np.concatenate([[x[0] - gap / 2], (x[1:] + x[:-1]) / 2, [x[-1] + gap / 2]])
    for limits in ("lower", "upper"):
        ends = rows[limits].to_numpy(float)
        ax.stairs(ends, edges, baseline=None, color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    ax.axhline(course.whole.value, color=LINE, linewidth=1)
    ax.plot(x, values, color=C1, linewidth=1, alpha=0.6)
    for at, nps, outside in zip(x, scores, news, strict=True):
        ax.vlines(at, nps.low, nps.high, color=C2 if outside else C1, linewidth=INTERVAL)
    ax.scatter(x[~news], values[~news], color=C1, **DOT)
    ax.scatter(x[news], values[news], color=C2, **_DIAMOND)
    ax.set_xlim(edges[0], edges[-1])
    every = max(1, int(np.ceil(len(x) / (3 if is_narrow(ax) else 6))))
    ax.set_xticks(x[::-1][::every][::-1], names[::-1][::every][::-1])
    _points_axis(ax.yaxis, [course.whole, *scores], rows[["lower", "upper"]].to_numpy(float))
    value_name(ax, _("points"))
    _mark_events(ax, course, edges)
    ax.set_title(_course_finding(course), loc="left")
    told = clauses(
        _("{period}: {nps} {evidence}").format(period=name, nps=nps.text(), evidence=nps.evidence())
        for name, nps in zip(names, scores, strict=True)
    )
    words = _("Net promoter score by period: {periods}.").format(periods=told)
    happened = clauses(
        _("{day}: {event}").format(day=language.day(day), event=name) for day, name in course.events.items()
    )
    marked = _("Events: {events}.").format(events=happened) if happened else ""
    ax.set_label(sentences(course.summary(), words, marked))
    return ax


def _mark_events(ax, course, edges) -> None:
    room = 0.3 * (358 if is_narrow(ax) else 736)
    for order, (day, name) in enumerate(course.events.items()):
        at = min(max(float(day.toordinal()), edges[0]), edges[-1])
        ax.axvline(at, color=MUTED, linewidth=1)
        right = at > (edges[0] + edges[-1]) / 2
        ax.annotate(
            shortened(name, room), (at, 0), xycoords=("data", "axes fraction"), ha="right" if right else "left",
            xytext=(-5 if right else 5, 5 + 16 * (order % 3)), textcoords="offset points", color=MUTED,
        )  # fmt: skip


def _course_finding(course) -> str:
    outside = int(course.periods["news"].sum())
    if course.changed and course.change.value > 0:
        return _("NPS has risen by {change} points").format(change=language.number(abs(course.change.value)))
    if course.changed:
        return _("NPS has fallen by {change} points").format(change=language.number(abs(course.change.value)))
    if outside:
        return ngettext(
            "No lasting change; one period lies outside the limits",
            "No lasting change; {n} periods lie outside the limits",
            outside,
        ).format(n=outside)
    return _("No change beyond chance")


def weighted_beside_unweighted(weighted, ax=None):
    """The score as answered and weighted to the customers, above the shares that made the weights.

    `weighted` is what `nps.weighting.weighted_score` gives.
    """
    ax = new_axes() if ax is None else ax
    margins = weighted.margins.assign(gap=lambda rows: rows["customer_share"] - rows["answers"])
    furthest = margins.reindex(margins["gap"].abs().sort_values(ascending=False, kind="stable").index)
    names = [_("unweighted"), _("weighted")]
    scores = [weighted.unweighted, weighted.weighted]
    place = rows_of(ax, names)
    for at, nps, colour in zip(place, scores, (MUTED, C1), strict=True):
        ax.hlines(at, nps.low, nps.high, color=colour, linewidth=INTERVAL)
        text = _("{nps} {bounds}").format(nps=nps.text(), bounds=nps.bounds())
        ax.annotate(text, (nps.value, at), xytext=(0, 12), textcoords="offset points", ha="center", color=MUTED)
    ax.scatter([scores[0].value], [place[0]], facecolor=PAPER, edgecolor=MUTED, **HOLLOW)
    ax.scatter([scores[1].value], [place[1]], color=C1, **DOT)
    _points_axis(ax.xaxis, scores)
    move = weighted.difference
    finding = _("Weighted to the customers, NPS stays where it is: {nps}")
    if weighted.unweighted.value > weighted.weighted.high:
        finding = _("Those who answer flatter: weighted to the customers, NPS is {nps}")
    elif weighted.unweighted.value < weighted.weighted.low:
        finding = _("Those who answer are harsher: weighted to the customers, NPS is {nps}")
    ax.set_title(finding.format(nps=_signed(weighted.weighted)), loc="left")
    first = furthest.iloc[0]
    words = _("The weights move the score by {move} points; the largest gap is {group}: {customers} of the customers, "
              "{answers} of the answers.").format(
        move=language.number(move, 1),
        group=weighted.shown_groups().loc[furthest.index[0]],
        customers=language.quantity(float(first["customer_share"]), "share"),
        answers=language.quantity(float(first["answers"]), "share"),
    )  # fmt: skip
    ax.set_label(sentences(weighted.summary(), words))
    return ax


def _points_axis(axis, scores, others=()) -> None:
    """Round points that hold all intervals."""
    ends = np.concatenate([[nps.low for nps in scores], [nps.high for nps in scores], np.ravel(others)])
    least, most = float(ends.min()), float(ends.max())
    span = most - least
    step = next(step for step in (5, 10, 20, 25, 50) if span / step <= 5 or step == 50)
    ticks = np.arange(step * np.floor(least / step), step * np.ceil(most / step) + 1e-9, step)
    ticks = ticks[(ticks >= -100) & (ticks <= 100)]
    axis.set_ticks(ticks, [language.number(tick) for tick in ticks])
    room = 0.03 * (ticks[-1] - ticks[0])
    limits = (ticks[0] - room, ticks[-1] + room)
    (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(*limits)


def _signed(nps) -> str:
    """A score as it is spoken of: +46, −12."""
    told = language.number(nps.value)
    return f"+{told}" if round(nps.value) > 0 else told
