"""Figures of retention: who stays from period to period, by cohort, by age, and as projected."""

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.churn.retention import PURCHASES
from crmlab.churn.survival import ALIKE, LONGER
from crmlab.groups import large, left_out, named
from crmlab.messages import _, clauses, listed, ngettext, sentences
from crmlab.plots.forest import DOT, HOLLOW, INTERVAL, nothing
from crmlab.plots.house import is_narrow, new_axes, percent_axis, value_name
from crmlab.plots.labels import shortened
from crmlab.plots.svg import TOKENS

INK, LINE, PAPER, C1, C2 = (TOKENS[name] for name in ("ink", "line", "paper", "c1", "c2"))
_SERIES = [TOKENS[name] for name in ("c1", "c2", "c3", "c4")]
_DASHES = ["-", "-", (0, (6, 2)), (0, (2, 2))]
# on which ink stays readable, light and dark
_SHADES = [TOKENS[f"q{place}"] for place in range(1, 5)]
_MODELS = {"sbg": "sBG", "bdw": "BdW"}


def retention_by_period(retention, ax=None):
    """The retention rate of each period, by the month in which it ends, with its interval.

    `retention` is what `churn.retention.contract_retention` or `churn.silence.purchase_retention` gives.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    rates, days = list(retention.by_period["rate"]), retention.by_period["last_day"]
    place = np.arange(len(rates))
    values, low, high = (np.array([getattr(rate, name) for rate in rates]) for name in ("value", "low", "high"))
    ax.vlines(place, low, high, color=C1, linewidth=INTERVAL)
    if len(place) > 1:
        seaborn.lineplot(x=place, y=values, color=C1, linewidth=1, ax=ax)
    ax.scatter(place, values, color=C1, **(DOT | {"s": 49 if len(place) > 13 else 81}))
    _month_axis(ax, place, days)
    _share_axis(ax, float(low.min()), float(high.max()))
    ax.set_xlabel(_("month in which the period ends"), loc="left")
    latest, months = retention.rate, retention.months
    finding = ngettext(
        "{share} of customers were kept over the last month",
        "{share} of customers were kept over the last {months} months",
        months,
    )
    name = _("share of customers kept")
    if retention.regime == PURCHASES:
        name = _("share of active customers who bought again")
        finding = ngettext(
            "{share} of active customers bought again within a month",
            "{share} of active customers bought again within {months} months",
            months,
        )
    value_name(ax, name)
    finding = finding.format(share=latest.text(), months=months)
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{day} {share} {evidence}").format(day=language.day(day), share=rate.text(), evidence=rate.evidence())
        for day, rate in zip(days, rates, strict=True)
    )
    ax.set_label(_("{finding}. By the end of the period: {shares}.").format(finding=finding, shares=told))
    return ax


def cohort_triangle(cohorts, ax=None):
    """Share of each cohort that still has a contract, by age; darker where more of it stays.

    `cohorts` is what `churn.cohorts.cohort_retention` gives.
    """
    import seaborn
    from matplotlib.colors import ListedColormap

    ax = new_axes() if ax is None else ax
    shares = cohorts.matrix()
    if shares.empty:
        return nothing(ax, _("No group is large enough to be told of"))
    narrow = is_narrow(ax)
    values = shares.to_numpy(float)
    least = min(float(np.nanmin(values)), 0.99)
    # a phone has room for a number in each of ten columns
    annotated = shares.shape[1] <= (10 if narrow else 20)
    numbers = [["" if np.isnan(value) else language.number(100 * value) for value in row] for row in values]
    seaborn.heatmap(
        shares, cmap=ListedColormap(_SHADES), vmin=least, vmax=1, cbar=False, linewidths=2, linecolor=PAPER, ax=ax,
        annot=np.array(numbers, dtype=object) if annotated else None, fmt="", annot_kws={"color": INK, "size": 13},
    )  # fmt: skip
    months = [f"{day:%Y-%m}" for day in shares.index]
    each = max(1, -(-len(months) // (14 if narrow else 18)))
    ax.set_yticks(np.arange(len(months))[::each] + 0.5, months[::each], rotation=0)
    step = max(1, -(-shares.shape[1] // (6 if narrow else 14)))
    ages = list(shares.columns)
    ax.set_xticks(np.arange(len(ages))[::step] + 0.5, [language.number(age) for age in ages[::step]], rotation=0)
    ax.grid(False)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel(_("months since the customers were won"), loc="left")
    ax.set_ylabel("")
    value_name(ax, _("per cent who still have a contract"))
    finding = _cohort_finding(cohorts)
    ax.set_title(finding, loc="left")
    told = large(cohorts.table())
    listing = clauses(
        _("{cohort}: {share} after {months} {evidence}").format(
            cohort=language.day(row.cohort),
            share=row.share.text(),
            months=language.quantity(row.age, "months"),
            evidence=row.share.evidence(),
        )
        for row in told.itertuples()
    )
    label = _(
        "{finding}. Heat map of the share of each cohort that still has a contract; the latest of each: {shares}."
    )
    others = left_out(len(cohorts.table()) - len(told))
    ax.set_label(sentences(label.format(finding=finding, shares=listing), others))
    return ax


def _cohort_finding(cohorts) -> str:
    if cohorts.earlier is None:
        last = large(cohorts.table()).iloc[0]
        return _("{share} still have a contract after {months}").format(
            share=last["share"].text(), months=language.quantity(int(last["age"]), "months")
        )
    if cohorts.p_value >= 0.05:
        return _("The cohorts cannot be told apart")
    if cohorts.later.low > cohorts.earlier.high:
        return _("Later cohorts stay longer")
    if cohorts.later.high < cohorts.earlier.low:
        return _("Later cohorts leave sooner")
    return _("The cohorts differ, with no trend")


def survival_curves(lifetimes, ax=None):
    """Share of customers who outlast each age, with its band: of all, and of the groups that differ from the others.

    `lifetimes` is what `churn.survival.lifetimes` gives.
    """
    ax = new_axes() if ax is None else ax
    curves = _shown(lifetimes)
    last = max(curve.last_month for curve in curves.values())
    ends = []
    for (name, curve), colour, dash in zip(curves.items(), _SERIES, _DASHES, strict=False):
        steps = curve.steps
        ages = np.concatenate([[curve.from_month], steps["months"], [curve.last_month]])
        heights = np.concatenate([[1.0], steps["survival"], steps["survival"].tail(1)])[: len(ages)]
        heights = np.append(heights, 1.0) if len(heights) < len(ages) else heights
        ax.step(ages, heights, where="post", color=colour, linestyle=dash)
        if len(steps):
            band = [np.append(steps[end], steps[end].iloc[-1]) for end in ("low", "high")]
            ax.fill_between(np.append(steps["months"], ages[-1]), *band, step="post", color=colour, alpha=0.15, lw=0)
        ends.append((float(ages[-1]), float(heights[-1]), name))
    narrow = is_narrow(ax)
    ax.set_ylim(0, 1.02)
    percent_axis(ax.yaxis, (0, 0.25, 0.5, 0.75, 1))
    room = 0.0 if len(ends) == 1 else 0.34 if narrow else 0.2
    ax.set_xlim(0, (1 + room) * last)
    step = next((each for each in (1, 3, 6, 12, 24, 36, 60, 120) if last / each <= (4 if narrow else 8)), 240)
    ticks = np.arange(0, last + 1e-9, step)
    ax.set_xticks(ticks, [language.number(tick) for tick in ticks])
    ax.set_xlabel(_("months since the contract began"), loc="left")
    value_name(ax, _("share of customers who stay longer"))
    if len(ends) > 1:
        heights = _apart([height for _age, height, _name in ends], 0.075 if narrow else 0.06)
        for (age, _height, name), height in zip(ends, heights, strict=True):
            text = shortened(name, 84 if narrow else 140)
            ax.annotate(text, (age, height), xytext=(6, 0), textcoords="offset points", va="center")
    finding = _survival_finding(lifetimes)
    ax.set_title(finding, loc="left")
    drawn = _("Kaplan-Meier curves with their bands: {groups}.").format(groups=listed(curves))
    ax.set_label(sentences(_("{finding}.").format(finding=finding), drawn, lifetimes.summary()))
    return ax


def _shown(lifetimes) -> dict:
    """All groups where they are few; else all customers and the groups that differ most clearly from the others."""
    if 0 < len(lifetimes.curves) <= len(_SERIES):
        names = named(pd.Series(list(lifetimes.curves)))
        return dict(zip(names, lifetimes.curves.values(), strict=True))
    found = {_("All customers"): lifetimes.curve}
    rows = lifetimes.groups
    apart = rows[rows["against"] != ALIKE].sort_values("p_value", kind="stable").head(len(_SERIES) - 1)
    return found | {
        name: lifetimes.curves[key] for name, key in zip(named(apart["group"]), apart["group"], strict=True)
    }


def _survival_finding(lifetimes) -> str:
    rows = lifetimes.groups
    apart = rows[rows["against"] != ALIKE]
    if len(apart):
        first = apart.sort_values("p_value", kind="stable").iloc[0]
        message = _("{group} stay longer than the others")
        if first["against"] != LONGER:
            message = _("{group} leave sooner than the others")
        return message.format(group=named(pd.Series([first["group"]])).iloc[0])
    if lifetimes.median:
        return _("Half of the customers leave within {months}").format(months=lifetimes.median.text())
    curve = lifetimes.curve
    return _("{share} of customers stay for more than {months}").format(
        share=curve.share(curve.last_month).text(),
        months=language.quantity(round(curve.last_month, 1), "months"),
    )


def retention_projection(projection, ax=None):
    """Share of the customers on a day who stay, as the models expect it, and as it came.

    `projection` is what `churn.projection.retention_projection` gives, or `projection_check` there: with what came.
    """
    import seaborn

    ax = new_axes() if ax is None else ax
    path, best = projection.path, projection.best
    months, narrow = path["month"].to_numpy(), is_narrow(ax)
    ends = []
    for name in projection.models:
        leads = name == best
        line = {"color": C1 if leads else _SERIES[2], "linestyle": "-" if leads else _DASHES[2]}
        seaborn.lineplot(x=months, y=path[name], estimator=None, ax=ax, **line)
        ends.append((float(path[name].iloc[-1]), _MODELS[name]))
    ax.fill_between(months, path[f"{best}_low"], path[f"{best}_high"], color=C1, alpha=0.15, linewidth=0)
    if projection.tested:
        actual = path["actual"].to_numpy(float)
        # on the day itself all are there
        outside = (actual < path[f"{best}_low"]) | (actual > path[f"{best}_high"])
        inside = ~outside & (months > 0)
        ax.scatter(months[inside], actual[inside], facecolor=PAPER, edgecolor=LINE, **HOLLOW)
        ax.scatter(months[outside], actual[outside], color=C2, marker="D", **DOT)
        ends.append((float(actual[-1]), _("stayed")))
    least = float(path[[f"{best}_low", *projection.models, *(["actual"] if projection.tested else [])]].min().min())
    floor = _share_axis(ax, least)
    ends.sort()
    heights = _apart([height for height, _name in ends], (0.075 if narrow else 0.06) * (1.02 - floor))
    for (_end, name), height in zip(ends, heights, strict=True):
        ax.annotate(name, (months[-1], height), xytext=(10, 0), textcoords="offset points", va="center")
    ax.set_xlim(0, months[-1] * (1.24 if narrow else 1.12))
    shown = months[:: max(1, -(-len(months) // (5 if narrow else 13)))]
    ax.set_xticks(shown, [language.number(month) for month in shown])
    day = language.day(path["last_day"].iloc[0])
    ax.set_xlabel(_("months from {day}").format(day=day), loc="left")
    ax.set_ylabel("")
    value_name(ax, _("share of customers who stay"))
    finding = _("{share} of today’s customers are expected to stay").format(share=projection.retention.text())
    if projection.tested:
        finding = _("The forecast of retention held") if projection.holds else _("The forecast of retention failed")
    ax.set_title(finding, loc="left")
    ax.set_label(sentences(_("{finding}.").format(finding=finding), projection.summary()))
    return ax


def _share_axis(ax, least: float, most: float = 1.0) -> float:
    """Per cent between the round numbers around the least and the most; from 0 where that is not far. The floor."""
    floor = 0.0 if least < 0.4 else np.floor(10 * least - 1e-9) / 10
    top = min(1.0, np.ceil(10 * most + 1e-9) / 10)
    step = next(each for each in (0.02, 0.05, 0.1, 0.25) if (top - floor) / each <= 5 + 1e-9)
    ax.set_ylim(floor, top + 0.03 * (top - floor))
    percent_axis(ax.yaxis, np.arange(floor, top + 1e-9, step))
    return float(floor)


def _month_axis(ax, place: np.ndarray, days: pd.Series) -> None:
    """Months by year and number, as many as there is room for, the last among them."""
    each = max(1, -(-len(place) // (4 if is_narrow(ax) else 9)))
    shown = place[::-1][::each][::-1]
    ax.set_xticks(shown, [f"{pd.Timestamp(days.iloc[at]):%Y-%m}" for at in shown])
    ax.set_xlim(-0.8, max(place[-1], 2) + 0.8)


def _apart(heights: list[float], least: float) -> list[float]:
    """Heights moved as little as needed for names beside one another's lines not to touch."""
    order = np.argsort(heights, kind="stable")
    moved = np.array(heights, dtype=float)
    for _pass in range(20):
        for lower, upper in zip(order[:-1], order[1:], strict=True):
            short = least - (moved[upper] - moved[lower])
            if short > 0:
                moved[lower] -= short / 2
                moved[upper] += short / 2
    return moved.tolist()
