"""The formulas of the purchase models: the likelihood of a history, the odds of having left, the purchases to come.

x, t_x and T are a customer's repeat purchases, and the time from the first purchase to the last and to the end of the
observation. All is evaluated in logarithms, and hypergeometric functions after Euler's transformation, so that heavy
buyers neither overflow nor give NaN.

References
----------
Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24, 275-284.
Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
International Journal of Research in Marketing 24, 201-209; Wagner and Hoppe (2008), Erratum, the same, 25, 225-226.
Fader and Hardie (2005), A note on deriving the Pareto/NBD model and related expressions, note 009.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import special

from crmlab.hypergeometric import geometric_like, mend


@dataclass(frozen=True, eq=False)
class Histories:
    """The distinct histories among customers, so that each is evaluated once.

    Attributes
    ----------
    x, t_x, T
        Of each distinct history.
    of
        Which of them each customer has.
    """

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    of: np.ndarray

    @classmethod
    def among(cls, x, t_x, T) -> "Histories":
        """The distinct ones among customers of whom x, t_x and T hold one value each."""
        return cls(*_distinct(x, t_x, T))

    @cached_property
    def at_end(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distinct pairs of x and T, and which of them each history has."""
        x, T, of = _distinct(self.x, self.T)
        return x, T, of

    @cached_property
    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Distinct x, and which of them each pair of `at_end` has."""
        return np.unique(self.at_end[0], return_inverse=True)

    @cached_property
    def at_both(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distinct pairs of x and a time, and which of them each history has with t_x (first row) and with T."""
        x, time, of = _distinct(np.tile(self.x, 2), np.concatenate([self.t_x, self.T]))
        return x, time, of.reshape(2, -1)


def _distinct(*columns) -> tuple[np.ndarray, ...]:
    frame = pd.DataFrame(dict(enumerate(columns)))
    of = frame.groupby(list(frame), dropna=False).ngroup().to_numpy()
    one = np.empty(of.max(initial=-1) + 1, dtype=int)
    one[of] = np.arange(len(of))
    return *(column[one] for column in columns), of


class BetaGeometric:
    """BG/NBD (`chances_at_start` 0), and MBG/NBD, where the first purchase is a chance to leave as well (1)."""

    names = ("r", "alpha", "a", "b")
    shapes = (True, False, True, True)

    def __init__(self, title: str, fitter: str, chances_at_start: int):
        self.title, self.fitter, self.chances_at_start = title, fitter, chances_at_start

    def alive_log_likelihood(self, params, histories):
        """Of each pair of x and T, and of being still a customer at T."""
        r, alpha, a, b = params
        (x, T, _), (counts, of) = histories.at_end, histories.counts
        stayed = special.betaln(a, b + counts + self.chances_at_start) - special.betaln(a, b)
        bought = special.gammaln(r + counts) - special.gammaln(r) + stayed
        return bought[of] + r * np.log(alpha) - (r + x) * np.log(alpha + T)

    def log_odds_gone(self, params, histories):
        """Odds of having left against being still a customer, given the history."""
        r, alpha, a, b = params
        x, t_x, T = histories.x, histories.t_x, histories.T
        chances = x + self.chances_at_start
        odds = np.log(a / (b + np.maximum(chances, 1) - 1)) + (r + x) * np.log((alpha + T) / (alpha + t_x))
        return np.where(chances > 0, odds, -np.inf)

    def derivatives(self, params, histories, sizes):
        """Gradient and Hessian of the total log-likelihood, `sizes` customers of each history, in the parameters.

        Their sums are taken by hand rather than by differences of the likelihood, which would be seen 21 times.
        """
        r, alpha, a, b = params
        (x, T, of), (counts, of_count) = histories.at_end, histories.counts
        at_end = np.bincount(of, sizes, len(x))
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        # of still being a customer: terms of x alone, then those of x and T
        k = counts + self.chances_at_start
        n = np.bincount(of_count, at_end, len(counts))
        bought, stayed, all_stayed = (_rises(special.psi, *pair) for pair in ((r, counts), (b, k), (a + b, k)))
        curves = (_rises(_trigamma, *pair) for pair in ((r, counts), (b, k), (a + b, k)))
        bought_curve, stayed_curve, all_curve = (n @ curve for curve in curves)
        early, late = np.log(alpha / (alpha + T)), 1 / (alpha + T)
        gradient += n @ bought + at_end @ early, at_end @ (r / alpha - (r + x) * late), -(n @ all_stayed), 0.0
        gradient[3] += n @ (stayed - all_stayed)
        hessian[0, 0] += bought_curve
        hessian[0, 1] += at_end @ (1 / alpha - late)
        hessian[1, 1] += at_end @ ((r + x) * late**2 - r / alpha**2)
        hessian[2:, 2:] -= all_curve
        hessian[3, 3] += stayed_curve
        # of having left perhaps: log(1 + odds)
        x, t_x, T = histories.x, histories.t_x, histories.T
        chances = np.maximum(x + self.chances_at_start, 1) + b - 1
        gone = special.expit(self.log_odds_gone(params, histories))
        left, unsure = sizes * gone, sizes * gone * (1 - gone)
        last, end = 1 / (alpha + t_x), 1 / (alpha + T)
        slopes = np.stack([np.log(last / end), (r + x) * (end - last), np.full(len(x), 1 / a), -1 / chances])
        gradient += slopes @ left
        hessian += (slopes * unsure) @ slopes.T
        hessian[0, 1] += left @ (end - last)
        hessian[1, 1] += left @ ((r + x) * (last**2 - end**2))
        hessian[2, 2] -= left.sum() / a**2
        hessian[3, 3] += left @ chances**-2
        hessian[1, 0] = hessian[0, 1]
        return gradient, hessian

    def expected_if_alive(self, params, t, x, T):
        """Purchases in (T, T + t] of one who is a customer at T."""
        r, alpha, a, b = params
        # The expression is smooth at a = 1 but reads 0 / 0 there.
        a = 1 + 1e-6 if abs(a - 1) < 1e-6 else a
        chances = b + x + self.chances_at_start
        c = a + chances - 1
        z = t / (alpha + T + t)
        # Euler's transformation gives two forms; the one with the smaller power neither overflows nor loses digits.
        steep = a - 1 > r + x
        power = np.where(steep, r + x, a - 1)
        series = special.hyp2f1(np.where(steep, r + x, c - r - x), np.where(steep, chances, a - 1), c, z)
        return mend(c / (a - 1) * (1 - (1 - z) ** power * series), r + x, a, chances, t / (alpha + T))

    def simulate_from_first(self, params, t, first, x, T, rng):
        """What those do in (T, T + t] who, unless they leave, next buy at T + `first`; see `purchase_futures`."""
        r, alpha, a, b = params
        more = rng.poisson(rng.gamma(r + x + 1) / (alpha + T + first) * (t - first))
        bought = 1 + more
        # Nobody leaves before the first of these purchases.
        several = np.flatnonzero(more)
        leaving = rng.beta(a, b + x[several] + self.chances_at_start)
        bought[several] = np.minimum(bought[several], rng.geometric(np.maximum(leaving, 1e-12)))
        return bought, more, np.full(len(x), t)


class Pareto:
    """Pareto/NBD."""

    title = "Pareto/NBD"
    fitter = "ParetoNBDFitter"
    names = ("r", "alpha", "s", "beta")
    shapes = (True, False, True, False)

    def alive_log_likelihood(self, params, histories):
        """Of each pair of x and T, and of being still a customer at T."""
        r, alpha, s, beta = params
        (x, T, _), (counts, of) = histories.at_end, histories.counts
        bought = special.gammaln(r + counts) - special.gammaln(r)
        return bought[of] + r * np.log(alpha) - (r + x) * np.log(alpha + T) + s * np.log(beta / (beta + T))

    def log_odds_gone(self, params, histories):
        """Odds of having left against being still a customer, given the history."""
        r, alpha, s, beta = params
        x, T = histories.x, histories.T
        *pairs, of = histories.at_both
        early, late = self._log_left_after(params, *pairs)[of]
        with np.errstate(divide="ignore"):
            between = early + np.log(-np.expm1(np.minimum(late - early, 0.0)))
        return between + np.log(s / (r + s + x)) + (r + x) * np.log(alpha + T) + s * np.log(beta + T)

    @staticmethod
    def _log_left_after(params, x, time):
        """Either term of A_0, Eq. 19 and 20 of note 009."""
        r, alpha, s, beta = params
        second, base = (r + x, alpha) if alpha >= beta else (s + 1, beta)
        third, z = r + s + x + 1, abs(alpha - beta) / (base + time)
        series = geometric_like(second, third, z)
        outer = (r + x, s) if alpha >= beta else (r + x - 1, s + 1)
        return np.log(series) - outer[0] * np.log(alpha + time) - outer[1] * np.log(beta + time)

    def expected_if_alive(self, params, t, x, T):
        """Purchases in (T, T + t] of one who is a customer at T; Eq. 41 of note 009 without P(alive)."""
        r, alpha, s, beta = params
        log_growth = np.log1p(t / (beta + T))
        return (r + x) * (beta + T) / (alpha + T) * log_growth * special.exprel((1 - s) * log_growth)

    def simulate_from_first(self, params, t, first, x, T, rng):
        """What those do in (T, T + t] who, unless they leave, next buy at T + `first`; see `purchase_futures`."""
        r, alpha, s, beta = params
        stays = (beta + T) * np.expm1(np.minimum(rng.exponential(size=len(x)) / s, 700.0))
        end = np.minimum(t, stays)
        more = rng.poisson(rng.gamma(r + x + 1) / (alpha + T + first) * np.maximum(end - first, 0.0))
        return np.where(end >= first, 1 + more, 0), more, end


LAWS: dict[str, BetaGeometric | Pareto] = {
    "bg_nbd": BetaGeometric("BG/NBD", "BetaGeoFitter", 0),
    "mbg_nbd": BetaGeometric("MBG/NBD", "ModifiedBetaGeoFitter", 1),
    "pareto_nbd": Pareto(),
}


def _trigamma(value):
    return special.polygamma(1, value)


def _rises(function, start, steps):
    """How far the function rises from `start` over so many steps."""
    return function(start + steps) - function(start)


def log_likelihood(law, params, histories: Histories) -> np.ndarray:
    """Log-likelihood of each history, whether the customer has left or not."""
    gone = law.log_odds_gone(params, histories)
    # log(1 + odds), by two functions of NumPy that are six times as fast together as its logaddexp
    either = np.maximum(gone, 0.0) + np.log1p(np.exp(-np.abs(gone)))
    return law.alive_log_likelihood(params, histories)[histories.at_end[-1]] + either


def probability_alive(law, params, histories: Histories) -> np.ndarray:
    """Of each history, the chance of being still a customer at T, from 0 to 1."""
    return special.expit(-law.log_odds_gone(params, histories))


def expected_purchases(law, params, t, histories: Histories) -> np.ndarray:
    """Purchases of each history in (T, T + t]; several t, in a column, give a row each."""
    *pairs, of = histories.at_end
    return probability_alive(law, params, histories) * law.expected_if_alive(params, t, *pairs)[..., of]


def weighted_purchases(law, params, t, weights, histories: Histories) -> np.ndarray:
    """As `expected_purchases` of several t, their rows weighted and summed by each row of `weights`.

    A row for each t of every customer is never made: what is summed belongs to x and T alone.
    """
    x, T, of = histories.at_end
    each = weights @ law.expected_if_alive(params, np.asarray(t, dtype=float)[:, None], x, T)
    return probability_alive(law, params, histories) * each[:, of]


def expected_totals(law, params, t, histories: Histories) -> np.ndarray:
    """Purchases of all customers together in (T, T + t], for each of several t."""
    x, T, of = histories.at_end
    alive = probability_alive(law, params, histories)
    still = np.bincount(of, alive * np.bincount(histories.of, minlength=len(alive)), len(x))
    return law.expected_if_alive(params, np.asarray(t, dtype=float)[:, None], x, T) @ still


def expected_of_new(law, params, t) -> np.ndarray:
    """Repeat purchases of a new customer within `t` of the first purchase."""
    return law.expected_if_alive(params, t, 0.0, 0.0) * probability_alive(law, params, _NEW)[0]


_NEW = Histories(np.zeros(1), np.zeros(1), np.zeros(1), of=np.zeros(1, dtype=int))
