"""Figures of what comments are about: themes by size with the scores given with them, and the course of each."""

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.messages import _, clauses, pgettext, sentences
from crmlab.plots.forest import DOT, INTERVAL, rows_of
from crmlab.plots.house import is_narrow, new_axes, percent_axis
from crmlab.plots.svg import TOKENS

MUTED, RULE, C1, C2 = (TOKENS[name] for name in ("muted", "rule", "c1", "c2"))
_MOST_ROWS = 12
_DIAMOND = DOT | {"marker": "D", "s": 64}


def themes_by_size(themes, ax=None):
    """Share of comments of each theme with its interval, beside the net promoter score of those who wrote of it.

    `themes` is what `nps.themes.comment_themes` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = themes.themes.iloc[:_MOST_ROWS]
    place = rows_of(ax, rows["theme"])
    shares, low = list(rows["share"]), (rows["score"] == "lower").to_numpy()
    for at, share, differs in zip(place, shares, low, strict=True):
        ax.hlines(at, share.low, share.high, color=C2 if differs else C1, linewidth=INTERVAL)
    values = np.array([share.value for share in shares])
    ax.scatter(values[~low], place[~low], color=C1, **DOT)
    ax.scatter(values[low], place[low], color=C2, **_DIAMOND)
    most = max(share.high for share in shares)
    scored = any(score is not None for score in rows["nps"])
    # the scores stand in a column of their own, right of the longest interval
    room = (1.5 if is_narrow(ax) else 1.3) if scored else 1.04
    ax.set_xlim(-0.015 * most, room * most)
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if most / step <= 5 or step == 0.25)
    percent_axis(ax.xaxis, np.arange(0, most + 1e-9, step))
    if scored:
        over = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right", "va": "center"}
        for at, score, differs in zip(place, rows["nps"], low, strict=True):
            told = "–" if score is None else language.number(score.value)
            weight = {"color": C2, "fontweight": "bold"} if differs else {}
            ax.annotate(told, (1, at), xytext=(-2, 0), **over, **weight)
        head = pgettext("header", "NPS")
        ax.annotate(head, (1, 1), xycoords="axes fraction", xytext=(-2, 6), textcoords="offset points", ha="right",
                    color=MUTED)  # fmt: skip
    name = _("share of notes") if themes.source == "notes" else _("share of comments")
    ax.annotate(name, (0, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", color=MUTED)
    ax.set_title(_size_finding(rows, themes.source), loc="left")
    told = clauses(_told(row) for row in rows.itertuples())
    ax.set_label(sentences(themes.summary(), _("Themes by size: {themes}.").format(themes=told)))
    return ax


def _size_finding(rows: pd.DataFrame, source: str) -> str:
    lower = rows[rows["score"] == "lower"]
    if lower.empty:
        message = _("The largest theme, “{theme}”: {share} of comments")
        if source == "notes":
            message = _("The largest theme, “{theme}”: {share} of notes")
        return message.format(theme=rows["theme"].iloc[0], share=rows["share"].iloc[0].text())
    worst = lower.iloc[int(np.argmin([score.value for score in lower["nps"]]))]
    return _("Least recommended by those who write of “{theme}”: NPS {nps}").format(
        theme=worst["theme"], nps=language.number(worst["nps"].value)
    )


def _told(row) -> str:
    share = {"theme": row.theme, "share": row.share.text(), "evidence": row.share.evidence()}
    if row.nps is None:
        return _("{theme} {share} {evidence}").format(**share)
    message = _("{theme} {share} {evidence}, net promoter score {nps} {nps_evidence}")
    return message.format(**share, nps=row.nps.text(), nps_evidence=row.nps.evidence())


def theme_trends(themes, ax=None):
    """Share of each theme by month, one row each on a common scale, with its interval; those that moved stand out.

    `themes` is what `nps.themes.comment_themes` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = themes.themes.iloc[:_MOST_ROWS]
    place = rows_of(ax, rows["theme"])
    months = themes.months[themes.months["theme"].isin(rows["theme"])]
    if months["month"].nunique() < 2:
        finding = _("The comments are of one month, and tell of no trend")
        ax.set_xticks([])
        ax.set_title(finding, loc="left")
        ax.set_label(_("{finding}.").format(finding=finding))
        return ax
    # early months with few comments would flatten all the rows
    scale = float(np.ceil(115 * months["share"].quantile(0.98)) / 100) or 1.0
    for at, theme, trend in zip(place, rows["theme"], rows["trend"], strict=True):
        own, colour = months[months["theme"] == theme], C2 if trend else C1
        low, middle, high = (at + 0.42 - 0.84 * (own[end] / scale).clip(upper=1) for end in ("low", "share", "high"))
        ax.axhline(at + 0.42, color=RULE, linewidth=1)
        ax.fill_between(own["month"], low, high, color=colour, alpha=0.22, linewidth=0)
        ax.plot(own["month"], middle, color=colour, linewidth=2)
    over = {"textcoords": "offset points", "ha": "right"}
    for at, change, trend in zip(place, rows["change"], rows["trend"], strict=True):
        weight = {"color": C2, "fontweight": "bold"} if trend else {"color": MUTED}
        ax.annotate(
            _signed(change), (1, at), xycoords=("axes fraction", "data"), xytext=(-2, 0), va="center", **over, **weight
        )
    ax.annotate(
        pgettext("header", "points a year"), (1, 1), xycoords="axes fraction", xytext=(-2, 6), color=MUTED, **over
    )
    reach = _("each row from 0 to {share}").format(share=language.quantity(scale, "share", digits=0))
    ax.annotate(reach, (0, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", color=MUTED)
    _month_axis(ax, months["month"])
    ax.xaxis.grid(False)
    moved = rows[rows["trend"] != ""]
    finding = _("No theme has grown or shrunk by more than chance would do")
    if len(moved):
        most = moved.iloc[int(np.argmax([abs(change.value) for change in moved["change"]]))]
        finding = _("Growing: “{theme}”") if most["trend"] == "rising" else _("Shrinking: “{theme}”")
        finding = finding.format(theme=most["theme"])
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{theme} {change} a year {evidence}").format(
            theme=row.theme, change=row.change.text(), evidence=row.change.evidence()
        )
        for row in rows.itertuples()
        if row.change is not None
    )
    drawn = _("Share of each theme by month. Change of the share: {themes}.").format(themes=told or _("not known"))
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn))
    return ax


def _signed(change) -> str:
    """A change in points with its sign; a dash where it is not known."""
    if change is None:
        return "–"
    told = language.number(change.value, 1)
    return f"+{told}" if change.value > 0 and told != "0.0" else told


def _month_axis(ax, months: pd.Series) -> None:
    """Years on the axis, or months where all are within two years; room on the right for the changes."""
    first, last = months.min(), months.max()
    reach = last - first
    ax.set_xlim(first - 0.01 * reach, last + (0.32 if is_narrow(ax) else 0.14) * reach)
    months_apart = 12 * (last.year - first.year) + last.month - first.month
    if months_apart > 24:
        ticks = pd.date_range(pd.Timestamp(first.year, 1, 1), last, freq="YS")
        ticks = [tick for tick in ticks if tick >= first]
        ticks = ticks[:: -(-len(ticks) // (4 if is_narrow(ax) else 8))]
        labels = [str(tick.year) for tick in ticks]
    else:
        step = max(1, -(-months_apart // (3 if is_narrow(ax) else 6)))
        ticks = list(pd.date_range(first, last, freq=f"{step}MS"))
        labels = [tick.strftime("%Y-%m") for tick in ticks]
    ax.set_xticks(ticks, labels)
