"""Figures of the value analysis: who brings the revenue, which segments there are, whether the forecast held."""

import numpy as np

from crmlab import language
from crmlab.groups import large, left_out
from crmlab.messages import _, clauses, ngettext, pgettext, sentences
from crmlab.plots.forest import nothing
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.labels import place_beside
from crmlab.plots.svg import TOKENS
from crmlab.privacy import min_group
from crmlab.segments import segment_name

MUTED, LINE, PAPER, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "c1", "c2"))
_TENTHS = 10
_INTERVAL = 3.5  # px: the bar of an interval
_DOT = {"s": 81, "linewidth": 0, "legend": False, "zorder": 3, "clip_on": False}  # 9 px across
_HOLLOW = _DOT | {"s": 64, "linewidth": 2}


def pareto_curve(concentration, ax=None):
    """Cumulative share of revenue against share of customers, the largest first.

    `concentration` is what `value.concentration` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    curve, top, half = concentration.curve, concentration.top_share, concentration.half
    x, y = curve["customer_share"], curve["revenue_share"]
    ax.plot([0, 1], [0, 1], color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    ax.fill_between(x, y, x, color=C1, alpha=0.1, linewidth=0)
    seaborn.lineplot(x=x, y=y, estimator=None, sort=False, color=C1, ax=ax)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    percent_axis(ax.xaxis, (0, 0.2, 0.4, 0.6, 0.8, 1))
    percent_axis(ax.yaxis, (0, 0.25, 0.5, 0.75, 1))
    ax.set_xlabel(_("customers, the largest first"), loc="left")
    ax.set_ylabel("")
    value_name(ax, _("share of revenue"))
    drawn = _("Curve of the cumulative share of revenue against the share of customers, the largest first.")
    if top.n == 1:
        finding = _("One customer brings all of the revenue")
        ax.set_title(finding, loc="left")
        ax.set_label(sentences(drawn, _("{finding}.").format(finding=finding)))
        return ax
    who = language.stated_share(concentration.top)
    _pareto_points(ax, concentration, who)
    ax.set_title(_("{share} of customers bring half of the revenue").format(share=half.text()), loc="left")
    both = _("{half} of customers bring half of the revenue {half_evidence}, {top} bring {share} {evidence}.").format(
        half=half.text(), half_evidence=_evidence(half), top=who, share=top.text(), evidence=_evidence(top)
    )
    ax.set_label(sentences(drawn, both))
    return ax


def _pareto_points(ax, concentration, who: str) -> None:
    """Mark those who bring half of the revenue, and what the largest customers bring."""
    import seaborn

    top, half, part = concentration.top_share, concentration.half, concentration.top
    for across, up in ((half.value, 0.5), (part, top.value)):
        ax.plot([0, across], [up, up], color=LINE, linewidth=1)
    bar = {"linewidth": _INTERVAL, "solid_capstyle": "butt"}
    if half.low is not None:
        ax.plot([half.low, half.high], [0.5, 0.5], color=C1, **bar)
    if top.low is not None:
        ax.plot([part, part], [top.low, top.high], color=C2, **bar)
    seaborn.scatterplot(x=[half.value], y=[0.5], color=PAPER, edgecolor=C1, ax=ax, **_HOLLOW)
    marker = "D" if top.low is not None and top.low > part else "o"
    seaborn.scatterplot(x=[part], y=[top.value], marker=marker, color=C2, ax=ax, **_DOT)
    if is_narrow(ax):
        of_half = half.text(), _("bring half")
        of_top = who, _("bring {share}").format(share=top.text())
    else:
        few, share = (f"{each.text()} {each.bounds()}".rstrip() for each in (half, top))
        of_half = _("{share} of customers").format(share=few), _("bring half of the revenue")
        of_top = _("{share} of customers").format(share=who), _("bring {share} of the revenue").format(share=share)
    lower, upper = sorted([(0.5, half.value, *of_half), (top.value, part, *of_top)])
    # two lines of text take 0.12 of the height: the lower point's give way to the upper point's, and to the axis
    places = (max(min(lower[0], upper[0] - 0.13), 0.13), max(upper[0], 0.26))
    if not is_narrow(ax):
        # under the dotted line, and under the upper point's text where that would reach it
        crossed = upper[1] > 0.3 and 0.62 < places[1] < 0.84
        under = (0.72, places[1] - 0.16 if crossed else 0.69)
        ax.annotate(_("if all brought the same"), under, ha="left", va="top", color=MUTED)
    for (_height, across, strong, plain), height in zip((lower, upper), places, strict=True):
        fits = across < 0.65
        point, aside, text = (across, height) if fits else (1, height), 12 if fits else 0, {"va": "top"}
        text |= {"textcoords": "offset points", "ha": "left" if fits else "right"}
        ax.annotate(strong, point, xytext=(aside, -2 if fits else -14), fontweight="bold", **text)
        ax.annotate(plain, point, xytext=(aside, -19 if fits else -31), color=MUTED, **text)


def _evidence(estimate) -> str:
    """The interval and n, or n and why there is no interval."""
    if estimate.low is not None:
        return estimate.evidence()
    return _("(n = {n}; no interval: {reason})").format(n=language.number(estimate.n), reason=_(estimate.no_interval))


def rfm_map(rfm, ax=None):
    """Segments by days since the last purchase and repeat purchases.

    The area of a disc is the revenue, down to a dot that can still be seen.

    `rfm` is what `segments.rfm` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    shown = large(rfm.segments.assign(segment=rfm.segments["segment"].map(segment_name)))
    if shown.empty:
        return nothing(ax, _("No group is large enough to be told of"))
    segments = shown.sort_values("revenue", ascending=False, kind="stable").reset_index(drop=True)
    largest, total = segments.iloc[0], float(rfm.segments["revenue"].sum())
    widest = 1000 if is_narrow(ax) else 3000  # area in px² of the largest disc
    smallest = 36 / widest
    relative = (segments["revenue"] / max(float(largest["revenue"]), 1e-9)).clip(lower=smallest)
    seaborn.scatterplot(
        data=segments.assign(relative=relative, leads=(segments.index == 0) & (total > 0)),
        x="recency_days",
        y="frequency",
        size="relative",
        sizes=(smallest * widest, widest),
        size_norm=(smallest, 1),
        hue="leads",
        palette={True: C2, False: C1},
        alpha=0.8,
        linewidth=1.5,
        edgecolor=PAPER,
        legend=False,
        ax=ax,
    )
    across, up = segments["recency_days"].to_numpy(dtype=float), segments["frequency"].to_numpy(dtype=float)
    most, longest, shortest = float(up.max()) or 1.0, float(across.max()), float(across.min())
    room = (0.18 if is_narrow(ax) else 0.11) * (longest - shortest) or 2
    ax.set_xlim(longest + room, shortest - room)  # more recent to the right
    ax.set_ylim(-0.12 * most, 1.18 * most)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel(_("days since the last purchase, median"), loc="left")
    ax.set_ylabel("")
    value_name(ax, _("repeat purchases, mean"))
    names = segments["segment"].tolist()
    place_beside(ax, across, up, np.sqrt(widest * relative / np.pi), names)
    if total <= 0:
        ax.set_title(_("The segments brought no revenue"), loc="left")
        label = _("Map of segments by days since the last purchase and repeat purchases: {segments}. None has revenue.")
        ax.set_label(label.format(segments=clauses(names)))
        return ax
    share = language.quantity(float(largest["revenue_share"]), "share")
    customers = language.quantity(float(largest["customers"] / rfm.segments["customers"].sum()), "share")
    finding = _("{segment}: {customers} of customers, {share} of revenue")
    if len(rfm.segments) == 1:
        finding = _("All customers are in one segment: {segment}")
    ax.set_title(finding.format(segment=names[0], customers=customers, share=share), loc="left")
    shares = [language.quantity(float(each), "share") for each in segments["revenue_share"]]
    label = ngettext(
        "Map of one segment by days since the last purchase and repeat purchases. Share of revenue: {shares}.",
        "Map of {n} segments by days since the last purchase and repeat purchases. Share of revenue: {shares}.",
        len(segments),
    )
    listed = clauses(f"{name} {each}" for name, each in zip(names, shares, strict=True))
    others = left_out(len(rfm.segments) - len(segments))
    ax.set_label(sentences(label.format(n=len(segments), shares=listed), others))
    return ax


def holdout_by_frequency(check, ax=None):
    """Purchases in the held-out period, forecast and made, by the number of repeat purchases before.

    `check` is what `holdout.holdout_check` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    rows = large(check.by_frequency).reset_index(drop=True)
    if rows.empty:
        return nothing(ax, _("No group is large enough to be told of"))
    place = np.arange(len(rows))
    actual, predicted, low, high = (rows[name].to_numpy(dtype=float) for name in ("actual", "predicted", "low", "high"))
    outside = (actual < low) | (actual > high)
    aside = 0.2 if is_narrow(ax) else 0.12
    before, after = place - aside, place + aside
    ax.vlines(before, low, high, color=C1, linewidth=_INTERVAL)
    seaborn.scatterplot(x=before, y=predicted, color=C1, ax=ax, **_DOT)
    seaborn.scatterplot(x=after[~outside], y=actual[~outside], color=PAPER, edgecolor=LINE, ax=ax, **_HOLLOW)
    seaborn.scatterplot(x=after[outside], y=actual[outside], marker="D", color=C2, ax=ax, **_DOT)
    most = float(max(high.max(), actual.max(), predicted.max())) or 1.0
    ax.set_ylim(0, 1.1 * most)
    ax.set_xlim(-0.5, max(place[-1], 3) + (1.7 if is_narrow(ax) else 0.8))
    ax.set_xticks(place, [str(label) for label in rows["frequency"]])
    close = abs(actual[-1] - predicted[-1]) < 0.07 * most  # centred, the two names would touch
    names = sorted([(predicted[-1], before[-1], _("forecast")), (actual[-1], after[-1], _("bought"))])
    for (height, mark, name), va in zip(names, ("top", "bottom") if close else ("center", "center"), strict=True):
        point = (after[-1] if close else mark, height)
        ax.annotate(name, point, xytext=(10, 0), textcoords="offset points", ha="left", va=va)
    ax.set_xlabel(_("repeat purchases before"), loc="left")
    ax.set_ylabel("")
    value_name(ax, _("purchases per customer"))
    finding = _holdout_finding(int(outside.sum()), len(rows))
    ax.set_title(finding, loc="left")
    listed = clauses(
        _("{before}: {predicted} forecast ({low} to {high}), {actual} bought").format(
            before=row.frequency,
            **{name: language.number(getattr(row, name), 2) for name in ("predicted", "low", "high", "actual")},
        )
        for row in rows.itertuples()
    )
    label = _("{finding}. Purchases per customer by repeat purchases before, with the forecast’s interval: {groups}.")
    others = left_out(len(check.by_frequency) - len(rows))
    ax.set_label(sentences(label.format(finding=finding, groups=listed), others))
    return ax


def _holdout_finding(missed: int, groups: int) -> str:
    if groups == 1 and missed:
        return _("Purchases lie outside the forecast’s interval")
    if groups == 1:
        return _("Purchases lie within the forecast’s interval")
    if missed == 0:
        return _("In all {groups} groups, purchases lie within the forecast’s interval").format(groups=groups)
    if missed == groups:
        return _("In all {groups} groups, purchases lie outside the forecast’s interval").format(groups=groups)
    return _("In {missed} of {groups} groups, purchases lie outside the forecast’s interval").format(
        missed=missed, groups=groups
    )


def value_by_decile(lifetime_value, ax=None):
    """Expected lifetime value held by each tenth of the customers, the most valuable first.

    A customer who stands on the border of two tenths is divided between them. Nothing is drawn where a tenth would be
    too few customers to be told of.

    `lifetime_value` is what `clv.customer_lifetime_value` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    if len(lifetime_value.customers) < _TENTHS * min_group():
        return nothing(ax, _("A tenth of the customers is too few to be told of"))
    shares = _shares_of_tenths(lifetime_value.customers["clv"].to_numpy(dtype=float))
    place, first = np.arange(_TENTHS), shares[0]
    seaborn.barplot(
        x=place, y=shares, hue=place == 0, palette={True: C2, False: C1}, saturation=1, dodge=False, width=0.72,
        errorbar=None, legend=False, ax=ax,
    )  # fmt: skip
    for at in place[: 1 if is_narrow(ax) else _TENTHS] if first else ():
        weight = "bold" if at == 0 else "normal"
        text = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "fontweight": weight}
        ax.annotate(language.quantity(float(shares[at]), "share"), (at, shares[at]), **text)
    best, least = pgettext("by value", "first"), pgettext("by value", "last")
    ax.set_xticks(place, [best, *map(str, place[1:-1] + 1), least])
    ax.set_xlim(-0.6, _TENTHS - 0.4)
    ax.set_ylim(0, max(float(first), 0.1) * 1.12)
    percent_axis(ax.yaxis, np.arange(0, max(first, 0.1) + 1e-9, 0.2 if first > 0.5 else 0.1))
    ax.set_xlabel(_("tenths of the customers, the most valuable first"), loc="left")
    ax.set_ylabel("")
    value_name(ax, _("share of the value expected under the model"))
    finding, words = _("No customer is expected to bring any value"), _("{finding}.")
    if first:
        finding = _("The first tenth of customers holds {share} of the expected value")
        finding = finding.format(share=language.quantity(float(first), "share"))
        words = _("{finding}, the first half {half}, the last tenth {last}.")
    half, last = (language.quantity(float(each), "share") for each in (shares[: _TENTHS // 2].sum(), shares[-1]))
    ax.set_title(finding, loc="left")
    drawn = _("Bars of the share of expected value held by each tenth of the customers, the most valuable first.")
    caution = _(
        "The shares are of values expected under the model, not of what customers will have brought; the model gives "
        "no interval for them."
    )
    ax.set_label(sentences(drawn, words.format(finding=finding, half=half, last=last), caution))
    return ax


def _shares_of_tenths(values: np.ndarray) -> np.ndarray:
    """Share of the sum in each of ten equal groups; zeros if it is zero."""
    held = np.concatenate([[0.0], np.cumsum(np.sort(values)[::-1])])
    ends = np.interp(np.linspace(0, len(values), _TENTHS + 1), np.arange(len(held)), held)
    return np.diff(ends) / held[-1] if held[-1] > 0 else np.zeros(_TENTHS)
