"""Figures of a forecast week by week, beside what came."""

from crmlab import language
from crmlab.messages import _, sentences
from crmlab.plots.forest import legend
from crmlab.plots.house import new_axes, time_axis
from crmlab.plots.svg import TOKENS

C1, C2 = TOKENS["c1"], TOKENS["c2"]


def tracking_so_far(tracking, ax=None):
    """Purchases since the end of the calibration period, forecast with its interval and come.

    `tracking` is what `tracking.track_forecast` gives.
    """
    ax = _drawn(tracking.steps, ax, "_so_far")
    last = tracking.steps.iloc[-1]
    if tracking.leaves is None:
        finding = _("Purchases kept within the forecast's interval")
    elif last["actual_so_far"] > last["high_so_far"]:
        finding = _("Purchases outgrew the forecast in the week to {day}").format(day=language.day(tracking.leaves))
    else:
        finding = _("Purchases fell behind the forecast in the week to {day}").format(day=language.day(tracking.leaves))
    ax.set_title(finding, loc="left")
    told = _(
        "Purchases so far by week: at the end {actual} had come, {predicted} were forecast, {low} to {high}."
    ).format(
        actual=language.number(last["actual_so_far"]),
        predicted=language.number(last["predicted_so_far"]),
        low=language.number(last["low_so_far"]),
        high=language.number(last["high_so_far"]),
    )
    ax.set_label(sentences(told, tracking.summary()))
    return ax


def tracking_by_week(tracking, ax=None):
    """Purchases of each week, forecast with its interval and come.

    `tracking` is what `tracking.track_forecast` gives.
    """
    ax = _drawn(tracking.whole, ax, "")
    ax.set_title(
        _("{outside} of {weeks} weeks lay outside their forecast").format(
            outside=language.number(tracking.outside), weeks=language.number(len(tracking.whole))
        ),
        loc="left",
    )
    ax.set_label(sentences(_("Purchases by week, beside their forecast."), tracking.summary()))
    return ax


def _drawn(steps, ax, suffix: str):
    ax = new_axes() if ax is None else ax
    when = steps["ends_on"].to_numpy()
    ax.fill_between(when, steps[f"low{suffix}"], steps[f"high{suffix}"], color=C1, alpha=0.18, linewidth=0)
    (forecast,) = ax.plot(when, steps[f"predicted{suffix}"], color=C1)
    (came,) = ax.plot(when, steps[f"actual{suffix}"], color=C2, marker="o", markersize=4, linewidth=1.5)
    ax.set_ylim(0, 1.08 * max(steps[f"high{suffix}"].max(), steps[f"actual{suffix}"].max()))
    ax.yaxis.set_major_formatter(lambda value, _place: language.number(value))
    time_axis(ax)
    legend(ax, (forecast, came), (_("forecast"), _("bought")))
    return ax
