r"""The figures of a theme: its share of comments, the scores given with it, and how its share changes.

Answers of one person hang together. Each interval is made for as many independent comments as there are, over the
design effect: how much more the mean of comments varies with people taken whole,

.. math:: \frac{m}{m - 1} \frac{\sum_i (\sum_{j} (x_{ij} - \bar x))^2}{\sum_{ij} (x_{ij} - \bar x)^2}

for `m` people `i` with comments `j`, at least 1. The change of a share is the slope of a least-squares line through the
comments, each in the theme or not, with a variance that takes people whole.

References
----------
Kish (1965), Survey sampling, chapter 5. Holm (1979), A simple sequentially rejective multiple test procedure,
Scandinavian Journal of Statistics 6, 65-70.
"""

import math

import numpy as np
import pandas as pd

from crmlab.intervals import Estimate, z_score
from crmlab.nps.score import net_promoter_score
from crmlab.nps.score import share as share_of

# answers and comments of a theme from which on its score and its trend are told
FEWEST = 10
_DAYS_A_YEAR = 365.25


def people_of(comments: pd.DataFrame) -> np.ndarray:
    """A number for whoever wrote each comment; whoever is not named wrote one."""
    if "customer_id" not in comments:
        return np.arange(len(comments))
    number = pd.factorize(comments["customer_id"])[0].astype(np.int64)
    unnamed = number < 0
    number[unnamed] = len(comments) + np.arange(unnamed.sum())
    return np.unique(number, return_inverse=True)[1]


def design_effect(people: np.ndarray, values: np.ndarray) -> float:
    """Comments that are worth one of somebody who writes once, at least 1.

    Parameters
    ----------
    people
        A number for whoever wrote each comment, from 0.
    values
        What is averaged, one per comment.
    """
    beyond = values - values.mean()
    within = float((beyond**2).sum())
    writers = np.bincount(people)
    writers = writers[writers > 0]
    if len(writers) == len(values):
        return 1.0
    if within <= 1e-9 * len(values):
        # where all say the same, nothing shows that those of one person differ
        return float((writers.astype(float) ** 2).sum() / len(values))
    if len(writers) < 2:
        return float(len(values))
    found = float((np.bincount(people, beyond) ** 2).sum()) / within
    return max(1.0, found * len(writers) / (len(writers) - 1))


def share(inside: np.ndarray, people: np.ndarray, **options) -> Estimate:
    """Share of comments that are inside a theme, 0 to 1, with Wilson's interval for as many as they are worth."""
    effect = design_effect(people, inside.astype(float))
    return share_of(int(inside.sum()), len(inside), effect, **options)


def promoter_score(scores: np.ndarray, people: np.ndarray, **options) -> Estimate | None:
    """Net promoter score, in points, of answers from 0 to 10; None for fewer than ten."""
    if len(scores) < FEWEST:
        return None
    promoters, detractors = scores >= 9, scores <= 6
    effect = design_effect(people, promoters.astype(float) - detractors)
    up, down = int(promoters.sum()), int(detractors.sum())
    return net_promoter_score(up, len(scores) - up - down, down, design_effect=effect, **options)


def score_gap(scores: np.ndarray, inside: np.ndarray, people: np.ndarray) -> tuple[float, float]:
    """How many points the scores inside lie above those outside, and the p-value of no gap; NaN for too few."""
    from scipy import stats

    parts = []
    for part in (inside, ~inside):
        if part.sum() < FEWEST:
            return math.nan, math.nan
        value = (scores[part] >= 9).astype(float) - (scores[part] <= 6)
        n = part.sum() / design_effect(people[part], value)
        # the adjusted Wald variance, which is above zero even where all are promoters
        mean, square = n * value.mean() / (n + 3), (n * (value**2).mean() + 1.5) / (n + 3)
        parts.append((mean, (square - mean**2) / (n + 3)))
    (one, one_variance), (other, other_variance) = parts
    gap = one - other
    return 100 * gap, float(2 * stats.norm.sf(abs(gap) / math.sqrt(one_variance + other_variance)))


def change_a_year(
    inside: np.ndarray, dates: pd.Series, people: np.ndarray, *, label: str = "", confidence_level: float = 0.95
) -> tuple[Estimate | None, float]:
    """Change of a theme's share in percentage points a year, and the p-value, 0 to 1, of none.

    None, and NaN, where fewer than ten comments are in the theme or out of it, or all are of one month.
    """
    from scipy import stats

    z_score(confidence_level)
    days = dates.to_numpy("datetime64[D]").astype(float)
    known = dates.notna().to_numpy()
    days, x, who = days[known] / _DAYS_A_YEAR, inside[known].astype(float), people[known]
    writers = len(np.unique(who))
    enough = min(x.sum(), (1 - x).sum(), writers) >= FEWEST
    if not enough or dates[known].dt.to_period("M").nunique() < 2:
        return None, math.nan
    t = days - days.mean()
    slope = float(t @ x / (t @ t))
    scores = np.bincount(who, t * (x - x.mean() - slope * t))
    error = math.sqrt(float(scores @ scores) * writers / (writers - 1)) / float(t @ t)
    if error == 0:
        return None, math.nan
    reach = float(stats.t.ppf(0.5 + confidence_level / 2, writers - 1)) * error
    ends = (100 * (slope - reach), 100 * (slope + reach))
    found = Estimate(100 * slope, *ends, "percentage points", int(known.sum()), label, confidence_level)
    return found, float(2 * stats.t.sf(abs(slope) / error, writers - 1))


def monthly_shares(
    inside: np.ndarray, months: pd.Series, people: np.ndarray, *, confidence_level: float = 0.95
) -> pd.DataFrame:
    """By month with comments: `month`, `comments` inside, `of` all, and their `share` (0 to 1), `low` and `high`."""
    effect = design_effect(people, inside.astype(float))
    found = pd.DataFrame({"month": months, "inside": inside}).groupby("month")["inside"].agg(["sum", "count"])
    rows = []
    for month, own, of in found.itertuples():
        # within a month people seldom write twice: the effect of all months is the most there can be
        estimate = share_of(int(own), int(of), min(effect, float(of)), confidence_level=confidence_level)
        rows.append((month, int(own), int(of), estimate.value, estimate.low, estimate.high))
    return pd.DataFrame(rows, columns=["month", "comments", "of", "share", "low", "high"])
