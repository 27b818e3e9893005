r"""Which groups of customers, or touchpoints, do better or worse than the rest.

Each group is held against all other answers together. The difference has an interval by the method of variance
estimates recovered,

.. math:: d - \sqrt{(\theta_1 - l_1)^2 + (u_2 - \theta_2)^2 - 2 r (\theta_1 - l_1)(u_2 - \theta_2)}

from the two adjusted Wald intervals, with `r` the correlation that people in both groups bring. Its test is a score
test, with the variance under equal scores; over all groups the chances are adjusted by Holm's method, so that the
chance of naming any group that does not differ is held, however many groups there are.

References
----------
Zou & Donner (2008), Construction of confidence limits about effect measures, Statistics in Medicine 27, 1693-1702.
Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 65-70.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.groups import NOT_KNOWN, OTHERS, column_name, in_order, named, too_small
from crmlab.intervals import Estimate
from crmlab.many_tests import holm
from crmlab.messages import N_, _, clauses, ngettext, sentences
from crmlab.nps.change import null_covariance
from crmlab.nps.moments import NPS, Moments, check, moments
from crmlab.nps.score import estimates

ABOVE, BELOW, ALIKE = N_("above the rest"), N_("below the rest"), N_("cannot be told apart")
NOT_TESTED = N_("not tested")


@dataclass(frozen=True, eq=False)
class Comparison:
    """The score by group.

    Attributes
    ----------
    groups
        One row per group, the largest first: `group`, `answers`, `promoters` and `detractors` (shares), `nps` and
        `difference` from the rest (points, -100 to 100 and -200 to 200), `p_value` (adjusted over the groups), and
        `verdict` (`ABOVE`, `BELOW`, `ALIKE` or `NOT_TESTED`). Those whose group is not known are shown, and not tested.
    whole
        The score of all answers.
    by
        The column that makes the groups.
    pooled
        Groups that were too small to stand alone.
    """

    formats: ClassVar[dict[str, str]] = {
        "answers": "integer",
        "p_value": "ratio",
        "promoters": "share",
        "detractors": "share",
    }
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "answers": N_("Answers"),
        "promoters": N_("Promoters"),
        "detractors": N_("Detractors"),
        "nps": N_("NPS, points"),
        "difference": N_("Difference from the rest, points"),
        "p_value": N_("p, adjusted"),
        "verdict": N_("Verdict"),
    }

    groups: pd.DataFrame
    whole: Estimate
    by: str
    pooled: int
    confidence_level: float

    def table(self) -> pd.DataFrame:
        """`groups`, with the names given here in the language that is spoken."""
        return self.groups.assign(group=named(self.groups["group"]), verdict=self.groups["verdict"].map(_))

    def told_apart(self) -> pd.DataFrame:
        """The rows of groups that differ from the rest, the lowest score first."""
        rows = self.groups[self.groups["verdict"].isin((ABOVE, BELOW))]
        return rows.iloc[np.argsort([nps.value for nps in rows["nps"]], kind="stable")]

    def summary(self) -> str:
        """Which groups differ from the rest, with their scores, and how many were too small to stand alone."""
        tested = int(self.groups["p_value"].notna().sum())
        by, apart = _column(self.by), self.told_apart()
        if tested < 2:
            return _("By {by}, there is but one group, and nothing to compare it with.").format(by=by)
        if apart.empty:
            told = _("By {by}, none of {n} groups can be told apart from the rest.").format(by=by, n=tested)
        else:
            told = ngettext(
                "By {by}, one of {groups} groups differs from the rest: {found}.",
                "By {by}, {n} of {groups} groups differ from the rest: {found}.",
                len(apart),
            ).format(by=by, n=len(apart), groups=tested, found=clauses(map(self._told, apart.itertuples())))
        pooled = ngettext(
            "One group has too few answers to stand alone, and is among the others.",
            "{n} groups have too few answers to stand alone, and are among the others.",
            self.pooled,
        ).format(n=language.number(self.pooled))
        return sentences(told, pooled if self.pooled else "")

    def _told(self, row) -> str:
        message = N_("{group} lies above with {nps} {evidence}")
        if row.verdict == BELOW:
            message = N_("{group} lies below with {nps} {evidence}")
        group = _(row.group) if row.group == OTHERS else row.group
        return _(message).format(group=group, nps=row.nps.text(), evidence=row.nps.evidence())


def _column(by: str) -> str:
    return _("touchpoint") if by == "touchpoint" else column_name(by)


def compared(answers, *, fewest: int = 30, confidence_level: float = 0.95) -> Comparison:
    """The score of each group against that of the rest.

    Parameters
    ----------
    answers
        What `crmlab.aggregate.survey_answers` gives by `touchpoint` or by one column of the profiles.
    fewest
        Groups with fewer answers than this make up "Others" together.
    confidence_level
        Of the intervals; a group differs where its adjusted p lies below one minus it.

    Raises
    ------
    ValueError
        If the answers are not by one column, or `fewest` is below 1.
    FitError
        If nobody has answered, or of nobody who did the group is known.
    """
    if len(answers.by) != 1:
        raise ValueError(f"`answers` must be by one column, got {', '.join(answers.by) or 'none'}")
    if fewest < 1:
        raise ValueError(f"`fewest` must be at least 1, got {fewest}")
    check(answers)
    (by,) = answers.by
    names = answers.cells[by].astype(object).where(answers.cells[by].notna(), NOT_KNOWN)
    few = names[(answers.cells["answers"] < fewest) & (names != NOT_KNOWN)]
    # a single group of few answers would be renamed and no larger
    small = too_small(answers.cells["people"].groupby(names).sum(), few=few if len(few) > 1 else ())
    pooled = len(small)
    names = names.mask(names.isin(small), OTHERS)
    number, known = pd.factorize(names)
    if list(known) == [NOT_KNOWN]:
        raise FitError(_("of nobody who answered the {names} is known").format(names=_column(by)))
    found = moments(answers, number)
    level: dict[str, Any] = {"label": _("net promoter score"), "confidence_level": confidence_level}
    scores = estimates(found, **level)
    whole = estimates(found.pooled(np.zeros(len(known), dtype=int)), **level)[0]
    tested = np.array([name != NOT_KNOWN for name in known])
    differences, chances = _against_the_rest(found, scores, tested, confidence_level)
    frame = pd.DataFrame(
        {
            "group": known,
            "answers": found.answers.astype(int),
            "promoters": found.sums["promoters"] / found.answers,
            "detractors": found.sums["detractors"] / found.answers,
            "nps": scores,
            "difference": pd.Series(differences, dtype=object),
            "p_value": chances,
        }
    )
    differs = frame["p_value"] < 1 - confidence_level
    side = [ABOVE if d is not None and d.value > 0 else BELOW for d in differences]
    frame["verdict"] = np.where(differs, side, np.where(frame["p_value"].notna(), ALIKE, NOT_TESTED))
    return Comparison(in_order(frame, "answers"), whole, by, pooled, confidence_level)


def _against_the_rest(found: Moments, scores: list[Estimate], tested: np.ndarray, level: float):
    """Difference of each group from all others that are known, and its chance, adjusted over the groups."""
    differences: list[Estimate | None] = [None] * len(scores)
    chances = np.full(len(scores), np.nan)
    if tested.sum() < 2:
        return differences, chances
    for group in np.flatnonzero(tested):
        # the group, the rest, and those who belong to neither
        side = np.where(np.arange(len(scores)) == group, 0, np.where(tested, 1, 2))
        pair = found.pooled(side).first(2)
        one, rest = estimates(pair, confidence_level=level)
        own = pair.covariance(NPS)
        spread = math.sqrt(own[0, 0] * own[1, 1])
        differences[group] = difference(one, rest, correlation=own[0, 1] / spread if spread > 0 else 0.0)
        chances[group] = score_test(pair)
    # of two groups, each is the rest of the other: one test, not two
    asked = chances[tested]
    chances[tested] = asked if len(asked) == 2 else holm(asked)
    return differences, chances


def difference(one: Estimate, other: Estimate, *, correlation: float = 0.0, label: str = "") -> Estimate:
    """The one less the other, of two estimates with intervals, in their unit; `n` is that of both.

    By the method of variance estimates recovered (Zou and Donner, 2008).

    Parameters
    ----------
    correlation
        Of the two, -1 to 1: that which people in both bring.
    """
    value = one.value - other.value
    parts = ((one.value - one.low, other.high - other.value), (one.high - one.value, other.value - other.low))
    low, high = (math.sqrt(max(a * a + b * b - 2 * correlation * a * b, 0.0)) for a, b in parts)
    n = one.n + other.n
    return Estimate(value, value - low, value + high, one.unit, n, label, one.confidence_level)


def score_test(pair: Moments) -> float:
    """Chance, from 0 to 1, of two scores as far apart as these, were they the same.

    The variance is the larger of two under equal scores: that of each group's own answers, and that of the spread of
    all. The first alone would call fifteen promoters in a row a difference, the second a small group of two minds.
    """
    from scipy import stats

    contrast = np.array([1.0, -1.0])
    common = float(pair.answers @ pair.means(NPS) / pair.answers.sum())
    people = pair.people.sum()
    covariances = (pair.covariance(NPS, np.full(2, common)), null_covariance(pair, common))
    variance = max(float(contrast @ covariance @ contrast) for covariance in covariances)
    if variance <= 1e-12:
        return 1.0
    statistic = abs(float(contrast @ pair.means(NPS))) / math.sqrt(variance * people / max(people - 1, 1))
    return float(2 * stats.norm.sf(statistic))
