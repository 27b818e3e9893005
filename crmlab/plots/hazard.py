"""Figures of what makes customers leave: odds ratios, probabilities against what came of them, lift by tenth."""

import numpy as np

from crmlab import language
from crmlab.groups import large, left_out
from crmlab.messages import _, clauses, ngettext, sentences
from crmlab.plots.calibration import draw_calibration
from crmlab.plots.forest import DOT, INTERVAL, nothing
from crmlab.plots.house import is_narrow, new_axes, value_name
from crmlab.plots.labels import shortened
from crmlab.plots.svg import TOKENS

LINE, MUTED, C1, C2 = (TOKENS[name] for name in ("line", "muted", "c1", "c2"))
_MOST_ROWS = 10
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_POINT = DOT | {"legend": False}


def driver_forest(model, ax=None):
    """Odds ratios of what goes most clearly with leaving, with their intervals, on a logarithmic axis.

    `model` is what `churn.hazard.fit_hazard` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    table = model.table().head(_MOST_ROWS)
    place = np.arange(len(table))
    value, low, high = (np.array([getattr(each, end) for each in table["ratio"]]) for end in ("value", "low", "high"))
    told = (low > 1) | (high < 1)
    ends = np.clip([low.min(), high.max()], 0.01, 100)
    first, last = min(ends[0] / 1.1, 0.5), max(ends[1] * 1.1, 2.0)
    value, low, high = (np.clip(each, first, last) for each in (value, low, high))
    ax.axvline(1, color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    for row, sure in zip(place, told, strict=True):
        bar = {"color": C1 if sure else LINE, "linewidth": INTERVAL, "solid_capstyle": "butt"}
        ax.plot([low[row], high[row]], [row, row], **bar)
    seaborn.scatterplot(x=value[told], y=place[told], color=C1, ax=ax, **_POINT)
    seaborn.scatterplot(x=value[~told], y=place[~told], color=LINE, marker="D", ax=ax, **_POINT)
    # over its bar: beside it, long names would be cut where they differ
    for row, name in zip(place, table["effect"], strict=True):
        text = shortened(name, 330 if is_narrow(ax) else 640)
        at = {"xycoords": ("axes fraction", "data"), "xytext": (0, 5), "textcoords": "offset points"}
        ax.annotate(text, (0, row), va="bottom", **at)
    ax.set_yticks([])
    ax.xaxis.grid(True)
    ax.set_ylim(len(table) - 0.6, -0.9)
    ax.set_xscale("log")
    ax.set_xlim(first, last)
    ticks = [tick for tick in _RATIOS if first <= tick <= last]
    ax.set_xticks(ticks, [language.number(tick, 0 if tick >= 1 else 2 if tick < 0.1 else 1) for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel(_("odds of leaving, times") if model.link == "logit" else _("hazard of leaving, times"), loc="left")
    ax.set_ylabel("")
    finding = _forest_finding(table, told)
    ax.set_title(finding, loc="left")
    named = clauses(
        _("{effect} {ratio} times ({span})").format(
            effect=row.effect, ratio=language.number(row.ratio.value, 2), span=_span(row.ratio.low, row.ratio.high)
        )
        for row in table.itertuples()
    )
    ax.set_label(
        _("{finding}. By how many times the odds of leaving change: {listed}.").format(finding=finding, listed=named)
    )
    return ax


def _forest_finding(table, told: np.ndarray) -> str:
    if not told.any():
        return _("No driver can be told to change the risk of leaving")
    first = table[told].iloc[0]
    if first["ratio"].value > 1:
        return _("The risk of leaving rises most clearly with {effect}").format(effect=first["effect"])
    return _("The risk of leaving falls most clearly with {effect}").format(effect=first["effect"])


def _span(low: float, high: float) -> str:
    return _("{low} to {high}").format(low=language.number(low, 2), high=language.number(high, 2))


def churn_calibration(check, ax=None):
    """Share of customers who left against the probability foretold, by tenths.

    `check` is what `churn.validation.validate` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = large(check.deciles).iloc[::-1]
    if rows.empty:
        return nothing(ax, _("No group is large enough to be told of"))
    off = draw_calibration(ax, rows, over=_("probability foretold, mean of the tenth"), share=_("share who left"))
    finding = _calibration_finding(off, len(rows))
    ax.set_title(finding, loc="left")
    listed = clauses(
        _("{foretold} foretold, {actual} left ({span})").format(
            foretold=language.quantity(row.predicted, "share"),
            actual=language.quantity(row.actual, "share"),
            span=language.span(row.low, row.high, "share"),
        )
        for row in rows.itertuples()
    )
    drawn = _(
        "{finding}. Share of customers who left against the probability foretold, by tenths with intervals that "
        "hold in all at once: {listed}."
    ).format(finding=finding, listed=listed)
    ax.set_label(sentences(drawn, left_out(len(check.deciles) - len(rows))))
    return ax


def _calibration_finding(missed: int, bands: int) -> str:
    if missed == 0:
        return ngettext(
            "As many left as was foretold",
            "In all {n} groups, as many left as was foretold",
            bands,
        ).format(n=bands)
    return ngettext(
        "In one of {n} groups, not as many left as was foretold",
        "In {missed} of {n} groups, not as many left as was foretold",
        missed,
    ).format(missed=missed, n=bands)


def lift_by_decile(check, ax=None):
    """How many times as many left in each tenth as among all, the highest risk first.

    `check` is what `churn.validation.validate` gives.
    """
    ax = new_axes() if ax is None else ax
    rows, overall = large(check.deciles), float(check.predictions["left"].mean())
    if len(rows) < len(check.deciles):
        return nothing(ax, _("A tenth of the customers is too few to be told of"))
    lifts, low, high = (rows[name].to_numpy(float) / overall for name in ("actual", "low", "high"))
    place = np.arange(len(rows))
    ax.bar(place, lifts, color=C1, width=0.7)
    for x, bottom, top in zip(place, low, high, strict=True):
        ax.plot([x, x], [bottom, top], color=MUTED, linewidth=2, solid_capstyle="butt")
    ax.axhline(1, color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    ax.set_xticks(place, [language.number(tenth) for tenth in rows["decile"]])
    ax.set_xlabel(_("tenth of the customers, the highest risk first"), loc="left")
    ax.set_ylabel("")
    ax.set_ylim(0, 1.05 * max(float(high.max()), 1.0))
    value_name(ax, _("leavers, times as many as among all"))
    first = rows.iloc[0]
    share = language.quantity(
        float(first["actual"] * first["customers"] / check.predictions["left"].sum()), "share", digits=0
    )
    part = language.quantity(float(first["customers"] / len(check.predictions)), "share", digits=0)
    finding = _("The {part} at the highest risk are {share} of those who left").format(part=part, share=share)
    ax.set_title(finding, loc="left")
    listed = clauses(
        _("tenth {tenth}: {lift} times, {actual} left").format(
            tenth=row.decile, lift=language.number(row.lift, 2), actual=language.quantity(row.actual, "share")
        )
        for row in rows.itertuples()
    )
    ax.set_label(
        _("{finding}. Leavers by tenth of the customers, against all: {listed}.").format(finding=finding, listed=listed)
    )
    return ax
