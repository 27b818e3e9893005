r"""The net promoter score: promoters (9 or 10) less detractors (0 to 6), in points from -100 to 100.

Its interval is the adjusted Wald one: three answers are added (three quarters of a promoter and of a detractor, one
and a half passives), and

.. math:: \tilde\theta \pm z \sqrt{\frac{\tilde p_+ + \tilde p_- - \tilde\theta^2}{n + 3}}

is cut at the ends of the scale. Over all splits it holds the truth 95 times in 100 from n = 10 on; at n = 10 that of a
single split holds between 88 and 100 times in 100. Where people answer more than once, n is what their answers are
worth: n over the design effect, with as many degrees of freedom. A bootstrap over people holds less often (68 to 92
times in 100 for ten people, 87 to 95 for thirty) and draws at random.

References
----------
Rocks (2016), Interval estimation for the "Net Promoter Score", The American Statistician 70, 365-372. Reichheld (2003),
The one number you need to grow, Harvard Business Review 81(12), 46-54.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.absence import Absent
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.nps.moments import NPS, Moments, moments

SCORES = range(11)
_ADDED = 3.0
# answers from which on none above 5 is taken for another scale
_FEWEST = 20
_LABEL = N_("net promoter score")


@dataclass(frozen=True, eq=False)
class Scores:
    """The score of all answers together, and how they are spread.

    Attributes
    ----------
    nps
        In points from -100 (all detractors) to 100 (all promoters).
    promoters, passives, detractors
        Their shares of the answers, 0 to 1.
    distribution
        One row per score from 0 to 10: `score`, `answers`, `share`.
    people
        How many people gave the answers; somebody anonymous counts with every answer.
    design_effect
        Answers that are worth one of somebody who answers once.
    repeated
        Answers left out, because the same person answered again on the same day.
    """

    formats: ClassVar[dict[str, str]] = {"score": "integer", "answers": "integer"}
    labels: ClassVar[dict[str, str]] = {"score": N_("Score"), "answers": N_("Answers"), "share": N_("Share of answers")}

    nps: Estimate
    promoters: Estimate
    passives: Estimate
    detractors: Estimate
    distribution: pd.DataFrame
    people: int
    design_effect: float
    repeated: int

    @property
    def responses(self) -> Estimate:
        """How many answers there are."""
        return intervals.count(self.nps.n, "answers", _("answers"))

    def metrics(self) -> dict[str, Estimate]:
        """What a report publishes."""
        shares = {"promoter": self.promoters, "passive": self.passives, "detractor": self.detractors}
        return {"nps": self.nps, "responses": self.responses} | {f"{name}_share": e for name, e in shares.items()}

    def table(self) -> pd.DataFrame:
        """`distribution`, the highest score first."""
        return self.distribution.iloc[::-1].reset_index(drop=True)

    def summary(self) -> str:
        """The score with its interval, the shares behind it, and which answers were left out."""
        told = _(
            "The net promoter score is {nps} {evidence}: {promoters} promoters, {passives} passives and {detractors} "
            "detractors."
        ).format(
            nps=self.nps.text(),
            evidence=self.nps.evidence(),
            promoters=self.promoters.text(),
            passives=self.passives.text(),
            detractors=self.detractors.text(),
        )
        several = ""
        if self.people < self.nps.n:
            several = ngettext(
                "The answers are those of one person, for which the interval allows.",
                "The answers are those of {people} people, some of whom answered more than once; the interval allows "
                "for it.",
                self.people,
            ).format(people=language.number(self.people))
        again = ngettext(
            "One answer is left out, because the same person answered again on the same day.",
            "{n} answers are left out, because the same person answered again on the same day.",
            self.repeated,
        ).format(n=language.number(self.repeated))
        return sentences(told, several, again if self.repeated else "")

    @property
    def scale_caution(self) -> str | Absent:
        """That the answers look like those to another question, if they do."""
        highest = int(self.distribution.loc[self.distribution["answers"] > 0, "score"].max())
        if self.nps.n < _FEWEST or highest > 5:
            return Absent(_("the answers fill the scale from 0 to 10"))
        return _(
            "None of {n} answers is above {highest}: they look like answers on a scale up to {highest}, not from 0 to "
            "10, and the score would then mean nothing. Read the column as `csat`, with its scale."
        ).format(n=language.number(self.nps.n), highest=highest)


def scores(answers, *, confidence_level: float = 0.95) -> Scores:
    """The score of all answers together.

    Parameters
    ----------
    answers
        What `crmlab.aggregate.survey_answers` gives for `question="nps"`, all in one cell.

    Raises
    ------
    ValueError
        If the answers are those of several cells.
    FitError
        If nobody has answered.
    """
    if answers.by:
        raise ValueError(f"`answers` must be those of a single cell, got some by {', '.join(answers.by)}")
    found = moments(answers)
    n, level = int(found.answers[0]), {"confidence_level": confidence_level}
    spread = [found.sums[f"score_{score}"][0] for score in SCORES]
    # how alike one person's answers are is known of the score, not of each step of its scale
    effect = _effect(found)
    rows = [(at, int(spread[at]), share(spread[at], n, effect, label=str(at), **level)) for at in SCORES]
    of_shares = {
        "promoters": share(sum(spread[9:]), n, _effect(found, {"promoters": 1.0}), label=_("promoters"), **level),
        "passives": share(
            sum(spread[7:9]), n, _effect(found, {"promoters": 1.0, "detractors": 1.0}), label=_("passives"), **level
        ),
        "detractors": share(sum(spread[:7]), n, _effect(found, {"detractors": 1.0}), label=_("detractors"), **level),
    }
    return Scores(
        estimates(found, label=_(_LABEL), **level)[0],
        **of_shares,
        distribution=pd.DataFrame(rows, columns=["score", "answers", "share"]),
        people=int(found.people[0]),
        design_effect=effect,
        repeated=answers.left_out["repeated"],
    )


def _effect(found: Moments, of=NPS) -> float:
    return float(found.design_effects(of, squares(found, of))[0])


def squares(found: Moments, of=NPS) -> np.ndarray:
    """By group: the sum over answers of the square of what `of` weights, for measures of which an answer has one."""
    return sum(weight**2 * found.sums[name] for name, weight in of.items())


def estimates(found: Moments, *, label: str = "", confidence_level: float = 0.95) -> list[Estimate]:
    """The score of each group in points, its interval allowing for people who answer more than once."""
    effects = found.design_effects(NPS, squares(found))
    rows = zip(found.answers, found.sums["promoters"], found.sums["detractors"], effects, strict=True)
    options: dict[str, Any] = {"label": label, "confidence_level": confidence_level}
    return [
        net_promoter_score(promoters, n - promoters - detractors, detractors, design_effect=effect, **options)
        for n, promoters, detractors, effect in rows
    ]


def net_promoter_score(
    promoters: float,
    passives: float,
    detractors: float,
    *,
    design_effect: float = 1.0,
    label: str = "",
    confidence_level: float = 0.95,
) -> Estimate:
    """The score in points, -100 to 100, with its adjusted Wald interval (Rocks, 2016).

    Parameters
    ----------
    promoters, passives, detractors
        How many answers are 9 or 10, 7 or 8, and 0 to 6; one at least.
    design_effect
        Answers that are worth one independent answer, at least 1.

    Raises
    ------
    ValueError
        If a count is below 0, or they are fewer than one answer together.

    Examples
    --------
    >>> print(net_promoter_score(10, 0, 0))
    100 points (95% interval 48 to 100, n = 10)
    """
    counts = (promoters, passives, detractors)
    n = sum(counts)
    if min(counts) < 0 or n < 1:
        raise ValueError(f"`promoters`, `passives`, `detractors` must be counts of one answer at least, got {counts}")
    value, low, high = adjusted_wald(promoters / n, detractors / n, n / design_effect, design_effect, confidence_level)
    value, low, high = (float(100 * end) for end in (value, low, high))
    return Estimate(value, low, high, "points", round(n), label, confidence_level)


def adjusted_wald(promoters: float, detractors: float, n: float, effect: float, level: float) -> tuple[float, ...]:
    """Score and ends of its interval, as fractions, of shares among answers that are worth `n` independent ones.

    With a design effect above 1, `n` is itself estimated, and the interval is Student's.
    """
    z = intervals.z_score(level)
    if effect > 1:
        from scipy import stats

        z = float(stats.t.ppf(0.5 + level / 2, max(n, 2.0) - 1))
    of = n + _ADDED
    up, down = ((share * n + _ADDED / 4) / of for share in (promoters, detractors))
    middle, value = up - down, promoters - detractors
    half = z * math.sqrt((up + down - middle**2) / of)
    return value, max(-1.0, min(middle - half, value)), min(1.0, max(middle + half, value))


def share(part: float, n: float, effect: float, **options) -> Estimate:
    """A share of the answers, `part` of `n`, with Wilson's interval for as many as they are worth: `n / effect`."""
    found = intervals.wilson(float(min(part, n) / effect), float(n / effect), **options)
    return replace(found, n=round(float(n)))
