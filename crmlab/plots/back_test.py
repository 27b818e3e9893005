"""The figure of a back-test: how often an outcome followed, from the lowest scores to the highest."""

import numpy as np

from crmlab import language
from crmlab.diagnosis.outcome import PREDICTS, REVERSED
from crmlab.groups import large, left_out
from crmlab.messages import _, clauses, ngettext, sentences
from crmlab.plots.forest import DOT, INTERVAL, nothing
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.svg import TOKENS

LINE, MUTED, C1, C2 = (TOKENS[name] for name in ("line", "muted", "c1", "c2"))
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)


def outcome_by_score(tested, ax=None):
    """Share of customers to whom it happened, by their score: groups of equal size, the lowest first.

    `tested` is one outcome, such as `left`, of what `diagnosis.back_test.back_test` gives.
    """
    ax = new_axes() if ax is None else ax
    rows = large(tested.groups)
    if rows.empty:
        return nothing(ax, _("No group is large enough to be told of"))
    shares = list(rows["share"])
    places, values = np.arange(len(rows)), np.array([share.value for share in shares])
    average = tested.events / tested.n
    ax.axhline(average, color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    # above the average of all, whatever the score
    apart = np.array([share.low > average for share in shares])
    for at, share, above in zip(places, shares, apart, strict=True):
        ax.vlines(at, share.low, share.high, color=C2 if above else C1, linewidth=INTERVAL)
    ax.scatter(places[~apart], values[~apart], color=C1, **DOT)
    ax.scatter(places[apart], values[apart], color=C2, marker="D", **DOT)
    most = 1.06 * max(max(share.high for share in shares), 0.01)
    step = next((step for step in _STEPS if most / step <= 5), _STEPS[-1])
    percent_axis(ax.yaxis, np.arange(0, min(most, 1.0) + 1e-9, step))
    ax.set_ylim(0, min(most, 1.06))
    narrow = is_narrow(ax)
    end = len(rows) * (1.22 if narrow else 1.1) - 0.5  # room for what the line is
    ax.set_xlim(-0.6, end)
    every = 2 if narrow and len(rows) > 6 else 1
    means = [language.number(score, 0) for score in rows["score"]]
    ax.set_xticks(places, [name if place % every == 0 else "" for place, name in enumerate(means)])
    ax.set_xlabel(
        _("mean score of the group") if narrow else _("mean score of the group, the lowest first"), loc="left"
    )
    ax.set_ylabel("")
    value_name(ax, _("share to whom it happened"))
    right = {"ha": "right", "va": "bottom", "xytext": (0, 3), "textcoords": "offset points", "color": MUTED}
    ax.annotate(_("all: {share}").format(share=language.quantity(average, "share")), (end, average), **right)
    finding = _finding(tested)
    ax.set_title(finding, loc="left")
    told = clauses(
        _("mean score {score}: {share} {evidence}").format(score=name, share=share.text(), evidence=share.evidence())
        for name, share in zip(means, shares, strict=True)
    )
    words = ngettext(
        "{finding}. Share of customers to whom it happened within a month, by score: {rows}.",
        "{finding}. Share of customers to whom it happened within {n} months, by score: {rows}.",
        tested.months,
    )
    others = left_out(len(tested.groups) - len(rows))
    ax.set_label(sentences(words.format(finding=finding, n=tested.months, rows=told), others))
    return ax


def _finding(tested) -> str:
    first, last = tested.groups["share"].iloc[0], tested.groups["share"].iloc[-1]
    values = {"outcome": _(tested.name), "low": first.text(), "high": last.text()}
    if tested.verdict == PREDICTS:
        return _("Low scores foretold {outcome}: {low} of the lowest, {high} of the highest").format(**values)
    if tested.verdict == REVERSED:
        return _("The score misleads on {outcome}: {low} of the lowest, {high} of the highest").format(**values)
    return _("The score is not shown to predict {outcome}").format(**values)
