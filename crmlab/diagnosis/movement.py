r"""The course of the score over as-of dates, and what moved it since the date before.

With weights :math:`w` that add up to one, scores :math:`s` and overall scores :math:`S` at two dates, the change is

.. math:: S_1 - S_0 = \sum_i \bar w_i (s_{i1} - s_{i0}) + \sum_i (w_{i1} - w_{i0}) (\bar s_i - \bar S)

exactly, with means of both dates under the bars; the weight of an indicator that is not known is 0, and its score is
taken to be that of the date at which it is. The first sum is what became better or worse. The second is none of it:
indicators that came or went, and what that or new weights do to the others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.diagnosis.indicators import DEFAULTS, Indicator
from crmlab.diagnosis.verdict import Diagnosis, rating_of
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, clauses, sentences

# English in every frame; translated where they are shown
BETTER, WORSE, CAME, WENT = N_("Better value"), N_("Worse value"), N_("Newly known"), N_("No longer known")
TARGETS, WEIGHTS = N_("Other targets"), N_("Other weights")
_LABELS = {each.name: each.label for each in DEFAULTS}

History = Sequence[tuple[date, Mapping[str, Mapping], Mapping[str, Mapping]]]


@dataclass(frozen=True, eq=False)
class Movement:
    """The course of the score, and what moved it since the date before.

    Attributes
    ----------
    course
        One row per date, oldest first: `date`, `score` (Estimate, 0 to 100), `rating`, `coverage` (0 to 1).
    steps
        What moved the score since the date before, the largest first: `step` (a label in English), `kind` (`BETTER` to
        `WEIGHTS`), `points`. They add up to `change`.
    change
        Of the overall score since the date before, in points; above zero it rose. Its interval takes the two scores to
        be independent; where the same customers stand behind both, it is too wide rather than too narrow.
    bands
        The least score of each rating today.
    """

    course: pd.DataFrame
    steps: pd.DataFrame
    change: Estimate
    bands: Mapping[str, float]

    formats: ClassVar[dict[str, str]] = {"points": "number"}
    labels: ClassVar[dict[str, str]] = {
        "step": N_("Indicator"), "kind": N_("What happened"), "points": N_("Points of the overall score"),
    }  # fmt: skip

    @property
    def by_values(self) -> float:
        """Points that better and worse values brought."""
        return float(self.steps.loc[self.steps["kind"].isin((BETTER, WORSE)), "points"].sum())

    def table(self) -> pd.DataFrame:
        """One row per step, in the language that is spoken."""
        return self.steps.assign(step=self.steps["step"].map(_), kind=self.steps["kind"].map(_))

    def summary(self) -> str:
        """Whether the score rose or fell, and what of it is improvement."""
        change, day = self.change, language.day(self.course["date"].iloc[-2])
        if change.low is not None and change.low <= 0 <= change.high:
            verdict = _("Since {day}, no change of the score can be told: {change} {evidence}.")
            told = _points(change.value, signed=True)
        else:
            verdict = _("Since {day}, the score has not changed.")
            if change.value > 0:
                verdict = _("Since {day}, the score rose by {change} {evidence}.")
            if change.value < 0:
                verdict = _("Since {day}, the score fell by {change} {evidence}.")
                change = _turned(change)
            told = _points(change.value)
        verdict = verdict.format(day=day, change=told, evidence=change.evidence())
        return sentences(verdict, self._movers(), self._rest())

    def _movers(self) -> str:
        moved = self.steps[self.steps["kind"].isin((BETTER, WORSE))].head(3)
        if moved.empty:
            return _("No value has changed.")
        return _("It was moved most by {indicators}.").format(
            indicators=clauses(
                _("{indicator} {points}").format(indicator=_(row.step), points=_points(row.points, signed=True))
                for row in moved.itertuples()
            )
        )

    def _rest(self) -> str:
        """What of the change is neither better nor worse."""
        rest = self.change.value - self.by_values
        if not self.steps["kind"].isin((CAME, WENT, TARGETS, WEIGHTS)).any():
            return ""
        return _(
            "Of the change, {values} come from better and worse values; {rest} from what is known, from targets and "
            "weights, which is neither an improvement nor a decline."
        ).format(values=_points(self.by_values, signed=True), rest=_points(rest, signed=True))


def movement(history: History, today: Diagnosis, as_of: date) -> Movement:
    """What moved the score since the date before, and its course.

    Parameters
    ----------
    history
        Of earlier dates, oldest first: the date, the metrics and the models that the diagnosis published. Dates that
        published no score are passed over.
    today
        As `scoring.diagnose` gives it.

    Raises
    ------
    FitError
        If there is no earlier date.
    """
    known = [entry for entry in history if "score" in entry[2] and "overall_score" in entry[1] and entry[0] < as_of]
    if not known:
        raise FitError(_("there is no diagnosis of an earlier date to compare with"))
    rows = [(day, _estimate(metrics), models["score"]) for day, metrics, models in known]
    rows.append((as_of, today.score, today.entry()["score"]))
    course = pd.DataFrame(
        {
            "date": [day for day, _score, _model in rows],
            "score": [score for _day, score, _model in rows],
            "rating": [rating_of(score.value, model["bands"], model["coverage"]) or "–" for _day, score, model in rows],
            "coverage": [model["coverage"] for _day, _score, model in rows],
        }
    )
    _day, before, model = rows[-2]
    steps = _steps(model["indicators"], rows[-1][2]["indicators"], known[-1][1])
    return Movement(course, steps, _difference(today.score, before), today.bands)


def _estimate(metrics: Mapping[str, Mapping]) -> Estimate:
    return Estimate(**metrics["overall_score"])


def _difference(now: Estimate, before: Estimate) -> Estimate:
    """With its interval by the method of variance estimates recovery, from the two scores' own."""
    value = now.value - before.value
    label, level = _("change of the overall score"), now.confidence_level
    if now.low is None and before.low is None:
        return Estimate(value, None, None, "points", now.n, label, level, now.no_interval)
    (low, high), (least, most) = (
        (each.value, each.value) if each.low is None else (each.low, each.high) for each in (now, before)
    )
    down, up = math.hypot(now.value - low, most - before.value), math.hypot(high - now.value, before.value - least)
    return Estimate(value, value - down, value + up, "points", now.n, label, level)


def _turned(change: Estimate) -> Estimate:
    """A fall as a length."""
    low, high = (None, None) if change.low is None else (-change.high, -change.low)
    return replace(change, value=-change.value, low=low, high=high)


def _steps(before: Mapping[str, Mapping], now: Mapping[str, Mapping], metrics: Mapping[str, Mapping]) -> pd.DataFrame:
    """The change of the score, indicator by indicator; what other targets and weights do, in one step each."""
    mean = (_overall(before) + _overall(now)) / 2
    steps, targets, weights = [], 0.0, 0.0
    for name in sorted({*before, *now}):
        label = _LABELS.get(name) or name
        old, new = before.get(name), now.get(name)
        if old is None:
            steps.append((label, CAME, new["weight"] * (new["score"] - mean)))
        elif new is None:
            steps.append((label, WENT, -old["weight"] * (old["score"] - mean)))
        else:
            weight, score = (old["weight"] + new["weight"]) / 2, (old["score"] + new["score"]) / 2
            weights += (new["weight"] - old["weight"]) * (score - mean)
            restated = _restated(name, old, new, metrics)
            targets += weight * (restated - old["score"])
            points = weight * (new["score"] - restated)
            steps.append((label, BETTER if points > 0 else WORSE, points))
    steps += [(TARGETS, TARGETS, targets), (WEIGHTS, WEIGHTS, weights)]
    # rounding leaves trifles
    found = pd.DataFrame([step for step in steps if abs(step[2]) > 1e-9], columns=["step", "kind", "points"])
    order = found["points"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order].reset_index(drop=True)


def _overall(indicators: Mapping[str, Mapping]) -> float:
    return sum(each["weight"] * each["score"] for each in indicators.values())


def _restated(name: str, old: Mapping, new: Mapping, metrics: Mapping[str, Mapping]) -> float:
    """What the earlier value would score between today's floor and target."""
    if (old["floor"], old["target"]) == (new["floor"], new["target"]) or name not in metrics:
        return old["score"]
    return float(Indicator(name, "", "", new["floor"], new["target"]).score(metrics[name]["value"]))


def _points(points: float, *, signed: bool = False) -> str:
    told = language.quantity(points, "points", digits=1)
    return f"+{told}" if signed and np.round(points, 1) > 0 else told
