r"""Whether a score has changed at all, and which period is news: one test for many kinds of change, control limits.

The test asks for a steady trend and for a step at any border between periods at once. Each is a contrast of the
periods' scores,

.. math:: U_k = \sum_t a_{kt}\, n_t (\hat\theta_t - \hat\theta), \quad Z_k = U_k / \sqrt{\mathrm{Var}_0(U_k)}

with the variance under no change, people who answer in several periods allowed for; the largest :math:`|Z_k|` is held
against the largest of as many normal numbers that hang together as these do, so that looking in many places is paid
for. Control limits lie where the score of a period falls outside them by chance, in any of the periods, as seldom as
the level says: a period within them is no news.

References
----------
Hothorn, Bretz & Westfall (2008), Simultaneous inference in general parametric models, Biometrical Journal 50, 346-363.
Shewhart (1931), Economic control of quality of manufactured product.
"""

import math

import numpy as np

from crmlab.intervals import z_score
from crmlab.nps.moments import NPS, Moments

_DRAWS = 20_000
# answers on either side of a border, for a step there to be tested
_FEWEST = 10
# answers from which on a score is as good as normal
_MANY = 1000


def control_limits(found: Moments, confidence_level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Between which the scores of all periods lie at once, were the score always the same; as fractions from -1 to 1.

    With the chance `confidence_level` all of them do, which is wider than so many intervals of one period.

    Scores of few answers are skewed: the ends are quantiles of the score of as many answers as the period's are worth,
    each drawn from the spread of all.
    """
    n, periods = found.answers, len(found.answers)
    up, down = (float(found.sums[name].sum() / n.sum()) for name in NPS)
    common, spread = up - down, up + down - (up - down) ** 2
    tail = (1 - confidence_level ** (1 / periods)) / 2
    ends = np.empty((periods, 2))
    for at, variance in enumerate(np.diag(null_covariance(found, common))):
        worth = n[at] if variance <= 0 else min(n[at], max(1, round(spread / variance)))
        ends[at] = _quantiles(up, down, int(worth), tail)
    return np.clip(ends[:, 0], -1.0, common), np.clip(ends[:, 1], common, 1.0)


def _quantiles(up: float, down: float, n: int, tail: float) -> np.ndarray:
    """Ends that a score of `n` answers passes with a chance of `tail` at most on either side."""
    if n > _MANY:
        spread = math.sqrt((up + down - (up - down) ** 2) / n)
        return up - down + np.array([-1, 1]) * z_score(1 - 2 * tail) * spread
    turns = np.exp(2j * np.pi * np.arange(2 * n + 1) / (2 * n + 1))
    chances = np.fft.fft((up * turns + down / turns + 1 - up - down) ** n).real / (2 * n + 1)
    below = np.cumsum(np.roll(chances, n))
    return np.array([np.searchsorted(below, tail), np.searchsorted(below, 1 - tail)]) / n - 1


def change_test(found: Moments, when: np.ndarray, *, draws: int = _DRAWS, seed: int = 0) -> tuple[float, int | None]:
    """Chance of as much change, were there none; and the period with which a step begins, None for a trend.

    Parameters
    ----------
    when
        The periods' places in time, as numbers.
    draws
        Of the largest statistic under no change: the chance is told no finer than one over them.
    """
    n = found.answers
    common = float(n @ found.means(NPS) / n.sum())
    centred = when - n @ when / n.sum()
    borders = [at for at in range(1, len(n)) if min(n[:at].sum(), n[at:].sum()) >= min(_FEWEST, n.sum() / 4)]
    later = [(np.arange(len(n)) >= at).astype(float) for at in borders]
    weights = np.array([centred, *(side - n @ side / n.sum() for side in later)]) * n
    covariance = weights @ null_covariance(found, common) @ weights.T
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    told = spread > 1e-9 * max(float(spread.max()), 1e-9)
    if not told.any() or spread.max() < 1e-9:
        return 1.0, None
    z = np.zeros(len(spread))
    z[told] = (weights @ found.means(NPS))[told] / spread[told]
    correlation = covariance[np.ix_(told, told)] / np.outer(spread[told], spread[told])
    values, vectors = np.linalg.eigh(correlation)
    drawn = np.random.default_rng(seed).standard_normal((draws, len(values)))
    largest = np.abs(drawn @ (vectors * np.sqrt(np.maximum(values, 0.0))).T).max(axis=1)
    best = int(np.abs(z).argmax())
    chance = (1 + int((largest >= abs(z[best])).sum())) / (1 + draws)
    return chance, None if best == 0 else borders[best - 1]


def null_covariance(found: Moments, common: float) -> np.ndarray:
    """Covariance of the periods' or groups' scores (fractions) under one score and one spread of answers for all.

    The few answers of one tell its spread badly. Every answer is given the spread of all; answers of one person
    hang together as they do on the whole, within one and between two.
    """
    n = found.answers
    total = np.asarray(sum(found.sums.get(name, 0) for name in ("promoters", "detractors"))).sum()
    spread = float(total / n.sum() - common**2)
    both = found.products["answers", "answers"]
    residual = found.residuals(NPS, np.full(len(n), common))
    pairs = both - np.diag(n)
    alike = float((residual.sum() - spread * n.sum()) / pairs.sum()) if pairs.sum() > 0 else 0.0
    alike = float(np.clip(alike, 0.0, spread))
    return (np.diag(n) * spread + pairs * alike) / np.outer(n, n)
