"""Figures of the value analysis: who brings the revenue, which segments there are, whether the forecast held."""

import numpy as np

from crmlab import language
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.labels import place_beside
from crmlab.plots.svg import TOKENS

MUTED, LINE, PAPER, C1, C2 = (TOKENS[name] for name in ("muted", "line", "paper", "c1", "c2"))
_INTERVAL = 3.5  # px: the bar of a 95% interval


def pareto_curve(concentration, ax=None):
    """Cumulative share of revenue against share of customers, the largest first."""
    ax = new_axes() if ax is None else ax
    curve, top, half = concentration.curve, concentration.top_share, concentration.half_share
    x, y = curve["customer_share"], curve["revenue_share"]
    ax.plot([0, 1], [0, 1], color=LINE, linewidth=1.5, linestyle=(0, (2, 3)))
    ax.fill_between(x, y, x, color=C1, alpha=0.1, linewidth=0)
    ax.plot(x, y, color=C1)
    for across, up in ((half, 0.5), (concentration.top, top.value)):
        ax.plot([0, across], [up, up], color=LINE, linewidth=1)
    ax.plot([half], [0.5], "o", color=C1, markersize=8, markerfacecolor=PAPER, markeredgewidth=2, clip_on=False)
    if top.low is not None:
        ends = [top.low, top.high]
        ax.plot([concentration.top] * 2, ends, color=C2, linewidth=_INTERVAL, solid_capstyle="butt")
    ax.plot([concentration.top], [top.value], "D", color=C2, markersize=8, clip_on=False)
    who = language.quantity(concentration.top, "share", digits=0)
    share, few = language.quantity(top.value, "share"), language.quantity(half, "share")
    whom, of_what = ("", "") if is_narrow(ax) else (" of customers", " of the revenue")
    for point, strong, plain in (
        ((half, 0.5), f"{few}{whom}", f"bring half{of_what}"),
        ((concentration.top, top.value), f"{who}{whom}", f"bring {share}{of_what}"),
    ):
        ax.annotate(strong, point, xytext=(12, -2), textcoords="offset points", va="top", fontweight="bold")
        ax.annotate(plain, point, xytext=(12, -19), textcoords="offset points", va="top", color=MUTED)
    if not is_narrow(ax):
        ax.annotate("if all brought the same", (0.72, 0.69), ha="left", va="top", color=MUTED)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    percent_axis(ax.xaxis, (0, 0.2, 0.4, 0.6, 0.8, 1))
    percent_axis(ax.yaxis, (0, 0.25, 0.5, 0.75, 1))
    ax.set_xlabel("customers, the largest first", loc="left")
    ax.set_title(f"{few} of customers bring half of the revenue", loc="left")
    ax.set_label(
        f"Curve of the cumulative share of revenue against the share of customers, the largest first. "
        f"{few} of customers bring half of the revenue, {who} bring {share}."
    )
    return ax


def rfm_map(rfm, ax=None):
    """Segments by days since the last purchase and repeat purchases; the area of a disc is the revenue."""
    ax = new_axes() if ax is None else ax
    segments = rfm.segments.sort_values("revenue", ascending=False, kind="stable").reset_index(drop=True)
    largest = segments.iloc[0]
    widest = 1000 if is_narrow(ax) else 3000  # area in px² of the largest disc
    area = widest * (segments["revenue"] / max(float(segments["revenue"].max()), 1e-9)).clip(lower=0.01)
    colour = [C2] + [C1] * (len(segments) - 1)
    across, up = segments["recency_days"].to_numpy(dtype=float), segments["frequency"].to_numpy(dtype=float)
    ax.scatter(across, up, s=area, c=colour, alpha=0.8, linewidths=1.5, edgecolors=PAPER)
    ax.margins(0.16 if is_narrow(ax) else 0.1, 0.16)
    ax.set_ylim(bottom=min(0.0, float(up.min())) - 0.12 * max(float(up.max()), 1e-9))
    ax.invert_xaxis()
    ax.set_xlabel("days since the last purchase, median", loc="left")
    value_name(ax, "repeat purchases, mean")
    place_beside(ax, across, up, np.sqrt(area / np.pi), [str(name) for name in segments["segment"]])
    share = language.quantity(float(largest["revenue_share"]), "share")
    customers = language.quantity(float(largest["customers"] / segments["customers"].sum()), "share")
    ax.set_title(f"{largest['segment']}: {customers} of customers, {share} of revenue", loc="left")
    listed = "; ".join(
        f"{row.segment} {language.quantity(float(row.revenue_share), 'share')}" for row in segments.itertuples()
    )
    ax.set_label(
        f"Map of {len(segments)} segments by days since the last purchase and repeat purchases. "
        f"Share of revenue: {listed}."
    )
    return ax


def holdout_by_frequency(check, ax=None):
    """Purchases in the held-out period, forecast and made, by the number of repeat purchases before."""
    ax = new_axes() if ax is None else ax
    rows = check.by_frequency.reset_index(drop=True)
    place = np.arange(len(rows))
    actual, predicted, low, high = (rows[name].to_numpy(dtype=float) for name in ("actual", "predicted", "low", "high"))
    outside = (actual < low) | (actual > high)
    ax.vlines(place - 0.12, low, high, color=C1, linewidth=_INTERVAL)
    ax.plot(place - 0.12, predicted, "o", color=C1, markersize=8)
    made = dict(linestyle="none", markersize=8, markeredgewidth=2)
    ax.plot(place[~outside] + 0.12, actual[~outside], "o", color=LINE, markerfacecolor=PAPER, **made)
    ax.plot(place[outside] + 0.12, actual[outside], "D", color=C2, **made)
    last, beside = place[-1], dict(textcoords="offset points", va="center")
    ax.annotate("bought", (last + 0.12, actual[-1]), xytext=(10, 0), ha="left", **beside)
    ax.annotate("forecast", (last - 0.12, predicted[-1]), xytext=(-10, 0), ha="right", **beside)
    ax.set_xlim(-0.5, last + (1.7 if is_narrow(ax) else 0.8))
    ax.set_xticks(place, [str(label) for label in rows["frequency"]])
    ax.margins(y=0.1)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("repeat purchases before", loc="left")
    value_name(ax, "purchases per customer")
    missed, groups = int(outside.sum()), len(rows)
    if missed == 0:
        finding = f"In all {groups} groups, purchases lie within the forecast’s interval"
    else:
        finding = f"In {missed} of {groups} groups, purchases lie outside the forecast’s interval"
    ax.set_title(finding, loc="left")
    listed = "; ".join(
        f"{row.frequency}: {language.number(row.predicted, 2)} forecast, {language.number(row.actual, 2)} bought"
        for row in rows.itertuples()
    )
    ax.set_label(f"{finding}. Purchases per customer by repeat purchases before: {listed}.")
    return ax


def value_by_decile(lifetime_value, ax=None):
    """Expected lifetime value held by each tenth of the customers, the most valuable first."""
    ax = new_axes() if ax is None else ax
    values = np.sort(lifetime_value.customers["clv"].to_numpy(dtype=float))[::-1]
    if len(values) < 10 or values.sum() <= 0:
        raise ValueError(f"`lifetime_value` must hold 10 customers of some value, got {len(values)}")
    shares = np.array([part.sum() for part in np.array_split(values, 10)]) / values.sum()
    place = np.arange(1, 11)
    ax.bar(place, shares, color=[C2] + [C1] * 9, width=0.72)
    for tenth in place[:1] if is_narrow(ax) else place:
        text = language.quantity(float(shares[tenth - 1]), "share")
        weight = "bold" if tenth == 1 else "normal"
        ax.annotate(
            text, (tenth, shares[tenth - 1]), xytext=(0, 5), textcoords="offset points", ha="center", fontweight=weight
        )
    ax.set_xticks(place, ["first", *map(str, place[1:9]), "last"])
    ax.set_xlim(0.4, 10.6)
    ax.set_ylim(0, float(shares[0]) * 1.12)
    step = 0.2 if shares[0] > 0.5 else 0.1
    percent_axis(ax.yaxis, np.arange(0, max(shares[0], 0.1) + 1e-9, step))
    ax.set_xlabel("tenths of the customers, the most valuable first", loc="left")
    first, last = (language.quantity(float(shares[end]), "share") for end in (0, -1))
    half = language.quantity(float(shares[:5].sum()), "share")
    ax.set_title(f"The first tenth of customers holds {first} of the expected value", loc="left")
    ax.set_label(
        f"Bars of the share of expected value held by each tenth of the customers, the most valuable first. "
        f"The first tenth holds {first}, the first half {half}, the last tenth {last}."
    )
    return ax
