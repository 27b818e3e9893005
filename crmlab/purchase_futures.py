"""Simulated futures of customers: who will buy, how often, and when."""

from dataclasses import dataclass

import numpy as np

from crmlab.purchase_laws import Histories, probability_alive


@dataclass(frozen=True, eq=False)
class Future:
    """What the customers who buy do in one simulated future.

    Attributes
    ----------
    buyers
        Which customers.
    bought
        How often each of them.
    first, end
        Time of the first purchase, and time up to which they would have bought `more` beside it, had they not left.
    """

    buyers: np.ndarray
    bought: np.ndarray
    more: np.ndarray
    first: np.ndarray
    end: np.ndarray

    def times(self, rng: np.random.Generator) -> np.ndarray:
        """When each purchase happens: those after the first are spread evenly, and the ones before leaving are kept."""
        buys = self.bought > 0
        of = np.repeat(np.arange(len(self.more)), self.more)
        when = self.first[of] + rng.random(len(of)) * (self.end - self.first)[of]
        order = np.lexsort((when, of))
        place = np.arange(len(of)) - np.repeat(np.cumsum(self.more) - self.more, self.more)
        return np.concatenate([self.first[buys], when[order][place < self.bought[of] - 1]])


def simulate(law, params, t, histories: Histories, rng: np.random.Generator) -> Future:
    """One future (T, T + t] of all customers; only for those who may buy is more than one number drawn."""
    r, alpha = params[:2]
    alive = probability_alive(law, params, histories)
    log_idle = -(r + histories.x) * np.log1p(t / (alpha + histories.T))
    u = rng.random(len(histories.of))
    buyers = np.flatnonzero(u < (alive * -np.expm1(log_idle))[histories.of])
    of = histories.of[buyers]
    x, T = histories.x[of], histories.T[of]
    # What u is within those who are alive tells when a rate that is gamma (r + x, alpha + T) brings the next purchase.
    first = np.minimum((alpha + T) * np.expm1(-np.log1p(-u[buyers] / alive[of]) / (r + x)), t)
    bought, more, end = law.simulate_from_first(params, t, first, x, T, rng)
    return Future(buyers, bought, more, first, end)
