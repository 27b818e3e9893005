r"""Customer satisfaction (CSAT): the share who are satisfied, and the mean on a scale from 0 to 100.

Satisfied are those who answer in the top two of a scale of at most eleven points, or in the top fifth of a longer one.
The mean is that of the answers moved to 0 (the lowest) to 100 (the highest). Its interval is the adjusted Wald one of
the net promoter score, whose answers, too, lie between two ends: three answers are added, three quarters of one at
either end and one and a half in the middle, so that answers which are all the same have an interval as well.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from crmlab import intervals, language
from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.nps.moments import moments
from crmlab.nps.score import share

_ADDED = 3.0
# share of answers outside the scale from which on it is not the one that was asked
_MOST_OUTSIDE = 0.05
_WHAT = (N_("satisfied customers (CSAT)"), N_("mean satisfaction, 0 to 100"))


@dataclass(frozen=True, eq=False)
class Satisfaction:
    """How satisfied customers are.

    Attributes
    ----------
    csat
        Share of answers in the top of the scale, 0 to 1, more is better.
    mean
        In points from 0 (all answers the lowest) to 100, more is better.
    outside
        Answers that lie outside the scale, and are left out.
    scale
        The lowest and the highest answer.
    people
        How many people gave the answers.
    """

    labels: ClassVar[dict[str, str]] = {
        "value": N_("Estimate"),
        "interval": N_("Interval"),
        "answers": N_("Answers"),
    }

    csat: Estimate
    mean: Estimate
    outside: int
    scale: tuple[float, float]
    people: int

    def metrics(self) -> dict[str, Estimate]:
        """What a report publishes."""
        return {"csat": self.csat}

    def table(self) -> pd.DataFrame:
        """One row per measure; the share in per cent."""
        measures = zip(_WHAT, (self.csat, self.mean), strict=True)
        rows = [(_(what), found.text(), found.bounds(), found.n) for what, found in measures]
        return pd.DataFrame(rows, columns=["measure", "value", "interval", "answers"])

    def summary(self) -> str:
        """The share who are satisfied and the mean, with intervals, and how many answers lie outside the scale."""
        told = _(
            "{csat} of answers are satisfied {evidence}; on a scale from 0 to 100, the mean is {mean} {mean_evidence}."
        ).format(
            csat=self.csat.text(),
            evidence=self.csat.evidence(),
            mean=self.mean.text(),
            mean_evidence=self.mean.evidence(),
        )
        foot, head = (language.number(end, 0 if float(end).is_integer() else 1) for end in self.scale)
        outside = ngettext(
            "One answer lies outside the scale from {foot} to {head}, and is left out.",
            "{n} answers lie outside the scale from {foot} to {head}, and are left out.",
            self.outside,
        ).format(n=language.number(self.outside), foot=foot, head=head)
        return sentences(told, outside if self.outside else "")


def satisfaction(answers, *, csat_scale: tuple[float, float] = (1, 5), confidence_level: float = 0.95) -> Satisfaction:
    """The share who are satisfied, and the mean.

    Parameters
    ----------
    answers
        What `crmlab.aggregate.survey_answers` gives for `question="csat"`, all in one cell.
    csat_scale
        The same as was given there.

    Raises
    ------
    ValueError
        If the answers are those of several cells.
    FitError
        If nobody has answered, or more than one answer in twenty lies outside the scale: it is then not the one that
        was asked.
    """
    if answers.by:
        raise ValueError(f"`answers` must be those of a single cell, got some by {', '.join(answers.by)}")
    scale = (csat_scale[0], csat_scale[1])
    outside = answers.left_out["outside"]
    inside = int(answers.cells["answers"].sum()) if len(answers.cells) else 0
    if outside > _MOST_OUTSIDE * (inside + outside):
        message = _(
            "{n} of {all} answers on satisfaction lie outside the scale from {foot} to {head}; `csat_scale` should say "
            "which one was used"
        )
        shown = {"n": language.number(outside), "all": language.number(inside + outside)}
        raise FitError(message.format(**shown, foot=f"{scale[0]:g}", head=f"{scale[1]:g}"))
    found = moments(answers)
    n, level = float(found.answers[0]), {"confidence_level": confidence_level}
    top = found.sums["satisfied"]
    effect = float(found.design_effects({"satisfied": 1.0}, top)[0])
    csat = share(float(top[0]), n, effect, label=_("satisfied customers (CSAT)"), **level)
    squares = found.sums["level_squared"]
    effect = float(found.design_effects({"level": 1.0}, squares)[0])
    mean = level_mean(float(found.sums["level"][0]), float(squares[0]), n, design_effect=effect, **level)
    return Satisfaction(csat, mean, outside, scale, int(found.people[0]))


def level_mean(
    total: float, squares: float, n: float, *, design_effect: float = 1.0, confidence_level: float = 0.95
) -> Estimate:
    """Mean of answers between 0 and 1, in points of 100, with its adjusted Wald interval (see the module).

    Parameters
    ----------
    total, squares
        Sum of the answers, and of their squares.
    n
        How many there are.
    design_effect
        Answers that are worth one independent answer, at least 1.
    """
    from scipy import stats

    worth = n / design_effect
    of = worth + _ADDED
    value = total / n
    middle = (value * worth + _ADDED / 2) / of
    # three quarters of an answer of 1, one and a half of 1/2
    spread = max((squares / n * worth + 0.75 + 1.5 / 4) / of - middle**2, 0.0)
    z = intervals.z_score(confidence_level)
    if design_effect > 1:
        z = float(stats.t.ppf(0.5 + confidence_level / 2, max(worth, 2.0) - 1))
    half = z * math.sqrt(spread / of)
    low, high = max(0.0, min(middle - half, value)), min(1.0, max(middle + half, value))
    label = _("mean satisfaction, 0 to 100")
    return Estimate(100 * value, 100 * low, 100 * high, "points", round(n), label, confidence_level)
