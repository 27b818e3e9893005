"""The score by month or quarter, with intervals, control limits, the test for change, and events marked.

How change is tested, and where the limits lie, says `crmlab.nps.change`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.groups import large
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, listed, ngettext, sentences
from crmlab.nps.change import change_test, control_limits
from crmlab.nps.comparison import difference
from crmlab.nps.moments import NPS, moments
from crmlab.nps.score import estimates

PERIODS = ("month", "quarter")
_QUARTER = N_("Q{quarter} {year}")
_MONTH = N_("{month} {year}")
_MONTHS = (N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun")) + (
    N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Course:
    """The score over time.

    Attributes
    ----------
    periods
        One row per month or quarter with enough answers, the earliest first: `period` (its first day), `answers`,
        `nps` and the control limits `lower` and `upper` in points, and `news`, whether the score lies outside them.
    whole
        The score of all periods together.
    period
        `month` or `quarter`.
    p_value
        Chance of as much change, of the kind that fits best, were there none; 0 to 1.
    step
        First day of the period with which the scores change most, if a step fits better than a trend; else None.
    before, after
        The scores on either side of it; under a trend, those of the earlier and of the later half.
    change
        The later less the earlier, in points.
    events
        Names by day, those within the periods.
    """

    formats: ClassVar[dict[str, str]] = {"answers": "integer", "lower": "number", "upper": "number"}
    labels: ClassVar[dict[str, str]] = {
        "period": N_("Period"),
        "answers": N_("Answers"),
        "nps": N_("NPS, points"),
        "lower": N_("Lower control limit"),
        "upper": N_("Upper control limit"),
        "reading": N_("Reading"),
        "events": N_("Events"),
    }

    periods: pd.DataFrame
    whole: Estimate
    period: str
    p_value: float
    step: pd.Timestamp | None
    before: Estimate
    after: Estimate
    change: Estimate
    events: dict[date, str]

    @property
    def changed(self) -> bool:
        """Whether there is more change than chance would bring: `p_value` below one minus the confidence level."""
        return self.p_value < 1 - self.whole.confidence_level

    def names(self) -> list[str]:
        """The periods as shown."""
        return [period_name(day, self.period) for day in self.periods["period"]]

    def table(self) -> pd.DataFrame:
        """The periods by name, with what is to be read from each and what happened in it."""
        rows = self.periods
        above = np.array([nps.value for nps in rows["nps"]]) > rows["upper"]
        outside = np.where(above, _("above the limits"), _("below the limits"))
        reading = np.where(rows["news"], outside, _("within the limits"))
        ends = [*rows["period"].iloc[1:], pd.Timestamp.max]
        inside = [
            listed(name for day, name in self.events.items() if start <= pd.Timestamp(day) < end)
            for start, end in zip(rows["period"], ends, strict=True)
        ]
        frame = rows.drop(columns="news").assign(period=self.names(), reading=reading)
        return frame.assign(events=inside) if self.events else frame

    def summary(self) -> str:
        """Whether the score has changed, and with which period; the latest score, and the periods that are news."""
        chance = language.number(max(self.p_value, 0.001), 3)
        parts = {"before": self.before.text(), "after": self.after.text(), "chance": chance}
        parts |= {"change": self.change.text(), "evidence": self.change.evidence()}
        if not self.changed:
            told = _("The score has not changed beyond what chance brings over {n} periods (p = {chance}).")
            told = told.format(n=len(self.periods), chance=chance)
        elif self.step is None and self.change.value > 0:
            told = _("The score has risen steadily, by {change} {evidence} from the earlier half to the later.")
        elif self.step is None:
            told = _("The score has fallen steadily, by {change} {evidence} from the earlier half to the later.")
        elif self.change.value > 0:
            told = _("The score has risen from {before} to {after} with {step}: by {change} {evidence}.")
        else:
            told = _("The score has fallen from {before} to {after} with {step}: by {change} {evidence}.")
        step = "" if self.step is None else period_name(self.step, self.period)
        told = told.format(step=step, **parts) if self.changed else told
        return sentences(told, self._latest(), self._news())

    def _latest(self) -> str:
        last = self.periods.iloc[-1]
        message = _("In the last period, {period}, it was {nps} {evidence}.")
        return message.format(period=self.names()[-1], nps=last["nps"].text(), evidence=last["nps"].evidence())

    def _news(self) -> str:
        outside = [name for name, news in zip(self.names(), self.periods["news"], strict=True) if news]
        if not outside:
            return _("No period lies outside the control limits: none by itself is news.")
        return ngettext(
            "One period lies outside the control limits: {periods}.",
            "{n} periods lie outside the control limits: {periods}.",
            len(outside),
        ).format(n=len(outside), periods=listed(outside))


def period_name(day: pd.Timestamp, period: str) -> str:
    """`Q3 2026` or `Sep 2026`."""
    if period == "quarter":
        return _(_QUARTER).format(quarter=(day.month - 1) // 3 + 1, year=day.year)
    return _(_MONTH).format(month=_(_MONTHS[day.month - 1]), year=day.year)


def over_time(answers, *, events: Mapping | None = None, confidence_level: float = 0.95, seed: int = 0) -> Course:
    """The score by period, with its control limits, and the test for change.

    Parameters
    ----------
    answers
        What `crmlab.aggregate.survey_answers` gives by `month` or `quarter`.
    events
        Names by day (a date, or YYYY-MM-DD), to be marked. They are marked only: what follows an event need not
        come from it.
    seed
        Of the test for change; the same gives the same chance.

    Raises
    ------
    ValueError
        If the answers are not by month or quarter, or an event has no day that can be read.
    FitError
        If nobody has answered, all answers are of one period, or too few customers answered in most of them.
    """
    if len(answers.by) != 1 or answers.by[0] not in PERIODS:
        raise ValueError(f"`answers` must be by {' or '.join(PERIODS)}, got {', '.join(answers.by) or 'none'}")
    (period,) = answers.by
    days = named_days(events)
    found = moments(answers)
    if len(found.answers) < 2:
        message = N_("all answers are of one month, so that no change can be told")
        if period == "quarter":
            message = N_("all answers are of one quarter, so that no change can be told")
        raise FitError(_(message))
    label: dict[str, Any] = {"label": _("net promoter score"), "confidence_level": confidence_level}
    starts = pd.to_datetime(answers.cells[period])
    whole = estimates(found.pooled(np.zeros(len(starts), dtype=int)), **label)[0]
    lower, upper = control_limits(found, confidence_level)
    rows = pd.DataFrame(
        {
            "period": starts,
            "answers": found.answers.astype(int),
            "nps": estimates(found, **label),
            "lower": 100 * lower,
            "upper": 100 * upper,
        }
    )
    score = 100 * found.means(NPS)
    told = large(pd.DataFrame({"period": starts, "customers": found.people})).index
    if len(told) < 2:
        raise FitError(_("too few customers have answered in most of the periods"))
    rows["news"] = (score < rows["lower"] - 1e-9) | (score > rows["upper"] + 1e-9)
    chance, place = change_test(found, starts.map(pd.Timestamp.toordinal).to_numpy(float), seed=seed)
    border = place or _half(found.answers)
    sides = (np.arange(len(starts)) >= border).astype(int)
    pair = found.pooled(sides)
    before, after = estimates(pair, **label)
    own = pair.covariance(NPS)
    spread = math.sqrt(own[0, 0] * own[1, 1])
    change = difference(after, before, correlation=own[0, 1] / spread if spread > 0 else 0.0)
    end = pd.Timestamp(answers.until)
    within = {day: name for day, name in days.items() if starts.iloc[0] <= pd.Timestamp(day) <= end}
    step = None if place is None else starts.iloc[place]
    return Course(rows.loc[told].reset_index(drop=True), whole, period, chance, step, before, after, change, within)


def named_days(events: Mapping | None) -> dict[date, str]:
    """Events by day, the earliest first.

    Raises
    ------
    ValueError
        If a day is neither a date nor written YYYY-MM-DD.
    """
    found = {}
    for given, name in (events or {}).items():
        try:
            day = given if isinstance(given, date) else date.fromisoformat(str(given).strip())
        except ValueError as error:
            raise ValueError(f"`events` must name days as YYYY-MM-DD, got {given!r}") from error
        found[day.date() if isinstance(day, datetime) else day] = str(name)
    return dict(sorted(found.items()))


def _half(n: np.ndarray) -> int:
    """The first period of the later half of the answers."""
    return int(np.clip(np.abs(2 * np.cumsum(n) - n.sum()).argmin() + 1, 1, len(n) - 1))
