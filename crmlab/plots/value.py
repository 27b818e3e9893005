"""Figures of the value analysis: who brings the revenue, which segments there are, whether the forecast held."""

import numpy as np

from crmlab import language
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.labels import place_beside
from crmlab.plots.svg import TOKENS

MUTED, LINE, PAPER, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "c1", "c2"))
_INTERVAL = 3.5  # px: the bar of a 95% interval
_DOT = {"s": 81, "linewidth": 0, "legend": False, "zorder": 3, "clip_on": False}  # 9 px across
_HOLLOW = _DOT | {"s": 64, "linewidth": 2}


def pareto_curve(concentration, ax=None):
    """Cumulative share of revenue against share of customers, the largest first."""
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
    ax.set_xlabel("customers, the largest first", loc="left")
    ax.set_ylabel("")
    value_name(ax, "share of revenue")
    drawn = "Curve of the cumulative share of revenue against the share of customers, the largest first."
    if top.n == 1:
        finding = "One customer brings all of the revenue"
        ax.set_title(finding, loc="left")
        ax.set_label(f"{drawn} {finding}.")
        return ax
    who = language.quantity(concentration.top, "share", digits=0 if round(100 * concentration.top, 6) % 1 == 0 else 1)
    _pareto_points(ax, concentration, who)
    finding = f"{half.text()} of customers bring half of the revenue"
    ax.set_title(finding, loc="left")
    ax.set_label(f"{drawn} {finding} {_evidence(half)}, {who} bring {top.text()} {_evidence(top)}.")
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
    few, share, whom, of_what = half.text(), top.text(), "", ""
    if not is_narrow(ax):
        few, share = f"{few} {half.bounds()}".rstrip(), f"{share} {top.bounds()}".rstrip()
        whom, of_what = " of customers", " of the revenue"
        ax.annotate("if all brought the same", (0.72, 0.69), ha="left", va="top", color=MUTED)
    lower, upper = sorted(
        [
            (0.5, half.value, f"{few}{whom}", f"bring half{of_what}"),
            (top.value, part, f"{who}{whom}", f"bring {share}{of_what}"),
        ]
    )
    # two lines of text take 0.12 of the height: the lower point's give way to the upper point's, and to the axis
    places = (max(min(lower[0], upper[0] - 0.13), 0.13), max(upper[0], 0.26))
    for (_, across, strong, plain), height in zip((lower, upper), places, strict=True):
        fits = across < 0.65
        point, aside, text = (across, height) if fits else (1, height), 12 if fits else 0, {"va": "top"}
        text |= {"textcoords": "offset points", "ha": "left" if fits else "right"}
        ax.annotate(strong, point, xytext=(aside, -2 if fits else -14), fontweight="bold", **text)
        ax.annotate(plain, point, xytext=(aside, -19 if fits else -31), color=MUTED, **text)


def _evidence(estimate) -> str:
    """The interval and n, or n and why there is no interval."""
    if estimate.low is not None:
        return estimate.evidence()
    return f"(n = {language.number(estimate.n)}; no interval: {estimate.no_interval})"


def rfm_map(rfm, ax=None):
    """Segments by days since the last purchase and repeat purchases.

    The area of a disc is the revenue, down to a dot that can still be seen.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    segments = rfm.segments.sort_values("revenue", ascending=False, kind="stable").reset_index(drop=True)
    largest, total = segments.iloc[0], float(segments["revenue"].sum())
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
    ax.set_xlabel("days since the last purchase, median", loc="left")
    ax.set_ylabel("")
    value_name(ax, "repeat purchases, mean")
    place_beside(ax, across, up, np.sqrt(widest * relative / np.pi), [str(name) for name in segments["segment"]])
    if total <= 0:
        listed = "; ".join(str(name) for name in segments["segment"])
        ax.set_title("The segments brought no revenue", loc="left")
        ax.set_label(
            f"Map of segments by days since the last purchase and repeat purchases: {listed}. None has revenue."
        )
        return ax
    share = language.quantity(float(largest["revenue_share"]), "share")
    customers = language.quantity(float(largest["customers"] / segments["customers"].sum()), "share")
    listed = "; ".join(
        f"{row.segment} {language.quantity(float(row.revenue_share), 'share')}" for row in segments.itertuples()
    )
    if len(segments) == 1:
        finding, count = f"All customers are in one segment: {largest['segment']}", "one segment"
    else:
        finding = f"{largest['segment']}: {customers} of customers, {share} of revenue"
        count = f"{len(segments)} segments"
    ax.set_title(finding, loc="left")
    ax.set_label(f"Map of {count} by days since the last purchase and repeat purchases. Share of revenue: {listed}.")
    return ax


def holdout_by_frequency(check, ax=None):
    """Purchases in the held-out period, forecast and made, by the number of repeat purchases before."""
    import seaborn

    ax = new_axes() if ax is None else ax
    rows = check.by_frequency.reset_index(drop=True)
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
    names = sorted([(predicted[-1], before[-1], "forecast"), (actual[-1], after[-1], "bought")])
    for (height, mark, name), va in zip(names, ("top", "bottom") if close else ("center", "center"), strict=True):
        point = (after[-1] if close else mark, height)
        ax.annotate(name, point, xytext=(10, 0), textcoords="offset points", ha="left", va=va)
    ax.set_xlabel("repeat purchases before", loc="left")
    ax.set_ylabel("")
    value_name(ax, "purchases per customer")
    finding = _holdout_finding(int(outside.sum()), len(rows))
    ax.set_title(finding, loc="left")
    listed = "; ".join(
        f"{row.frequency}: {language.number(row.predicted, 2)} forecast "
        f"({language.number(row.low, 2)} to {language.number(row.high, 2)}), {language.number(row.actual, 2)} bought"
        for row in rows.itertuples()
    )
    ax.set_label(
        f"{finding}. Purchases per customer by repeat purchases before, with the forecast’s interval: {listed}."
    )
    return ax


def _holdout_finding(missed: int, groups: int) -> str:
    if groups == 1:
        return f"Purchases lie {'outside' if missed else 'within'} the forecast’s interval"
    if missed in (0, groups):
        return f"In all {groups} groups, purchases lie {'outside' if missed else 'within'} the forecast’s interval"
    return f"In {missed} of {groups} groups, purchases lie outside the forecast’s interval"


def value_by_decile(lifetime_value, ax=None):
    """Expected lifetime value held by each tenth of the customers, the most valuable first.

    Fewer than ten customers have a bar each. A customer who stands on the border of two tenths is divided between them.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    shares = _shares_of_groups(lifetime_value.customers["clv"].to_numpy(dtype=float))
    groups, customers = len(shares), len(lifetime_value.customers)
    place, first = np.arange(groups), shares[0]
    seaborn.barplot(
        x=place, y=shares, hue=place == 0, palette={True: C2, False: C1}, saturation=1, dodge=False, width=0.72,
        errorbar=None, legend=False, ax=ax,
    )  # fmt: skip
    for at in place[: 1 if is_narrow(ax) else groups] if first else ():
        weight = "bold" if at == 0 else "normal"
        text = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "fontweight": weight}
        ax.annotate(language.quantity(float(shares[at]), "share"), (at, shares[at]), **text)
    ax.set_xticks(place, ["first", *map(str, place[1:-1] + 1), "last"][:groups])
    ax.set_xlim(-0.6, max(groups, 4) - 0.4)
    ax.set_ylim(0, max(float(first), 0.1) * 1.12)
    percent_axis(ax.yaxis, np.arange(0, max(first, 0.1) + 1e-9, 0.2 if first > 0.5 else 0.1))
    tenths = customers >= 10
    ax.set_xlabel(f"{'tenths of the customers' if tenths else 'customers'}, the most valuable first", loc="left")
    ax.set_ylabel("")
    value_name(ax, "share of the value expected under the model")
    finding = _decile_finding(first, customers)
    ax.set_title(finding, loc="left")
    ax.set_label(
        f"Bars of the share of expected value held by {'each tenth of the customers' if tenths else 'each customer'}, "
        f"the most valuable first. {finding}{_other_shares(shares, customers)}. The shares are of values expected "
        f"under the model, not of what customers will have brought; the model gives no interval for them."
    )
    return ax


def _shares_of_groups(values: np.ndarray) -> np.ndarray:
    """Share of the sum in each of ten equal groups, or for each customer where there are fewer; zeros if it is zero."""
    groups = min(10, len(values))
    held = np.concatenate([[0.0], np.cumsum(np.sort(values)[::-1])])
    ends = np.interp(np.linspace(0, len(values), groups + 1), np.arange(len(held)), held)
    return np.diff(ends) / held[-1] if held[-1] > 0 else np.zeros(groups)


def _decile_finding(first: float, customers: int) -> str:
    if first == 0:
        return (
            "No customer is expected to bring any value"
            if customers > 1
            else "The customer is expected to bring no value"
        )
    if customers == 1:
        return "One customer holds all of the expected value"
    who = "first tenth of customers" if customers >= 10 else f"most valuable of {customers} customers"
    return f"The {who} holds {language.quantity(float(first), 'share')} of the expected value"


def _other_shares(shares: np.ndarray, customers: int) -> str:
    if customers == 1 or shares[0] == 0:
        return ""
    last = language.quantity(float(shares[-1]), "share")
    if customers < 10:
        return f", the least valuable {last}"
    return f", the first half {language.quantity(float(shares[:5].sum()), 'share')}, the last tenth {last}"
