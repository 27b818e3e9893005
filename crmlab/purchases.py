"""How often customers will buy: BG/NBD, MBG/NBD and Pareto/NBD, for customers who leave without saying so.

Each customer buys at a rate of their own, which varies over customers as a gamma distribution (r, alpha), until they
leave. In the BG/NBD they leave after a repeat purchase, in the MBG/NBD after any purchase, with a chance of their own
that varies as a beta distribution (a, b); in the Pareto/NBD at any moment, at a rate that varies as a gamma
distribution (s, beta). A customer is described by x = `frequency`, t_x = `recency` and `T`, in the model's time unit.

The formulas and their sources are in `crmlab.purchase_laws`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from crmlab.fitters import lifetimes_fitter
from crmlab.intervals import Estimate
from crmlab.language import number
from crmlab.likelihood import FitError, Maximum, draw_params, maximise, model_entry
from crmlab.messages import N_, _
from crmlab.profile_likelihood import parameter_table, profile_estimate
from crmlab.purchase_futures import Future, simulate
from crmlab.purchase_laws import (
    LAWS,
    Histories,
    expected_of_new,
    expected_purchases,
    expected_totals,
    log_likelihood,
    probability_alive,
    weighted_purchases,
)

# Distinct histories whose best parameters are as good a start as any.
_ENOUGH = 10_000
# lifetimes' month, for numbers that can be compared: 4.345 weeks are 30.415 days, and twelve of them 364.98.
UNITS_PER_MONTH = {"day": 7 * 4.345, "week": 4.345, "month": 1.0}


@dataclass(frozen=True, eq=False)
class PurchaseModel:
    """A fitted model of repeat purchases. All its times (`t`, `ends`, `recency`, `T`) are in `time_unit`.

    Attributes
    ----------
    name
        `bg_nbd`, `mbg_nbd` or `pareto_nbd`.
    params, standard_errors
        By the field's names: r, alpha, a, b, or r, alpha, s, beta; alpha and beta are times, the others bare numbers.
    covariance
        Of the logarithms of the parameters.
    log_likelihood
        Total over the `n` customers; higher is better, among models of the same customers and `time_unit`.
    """

    name: str
    params: dict[str, float]
    standard_errors: dict[str, float]
    covariance: np.ndarray
    log_likelihood: float
    n: int
    time_unit: str
    confidence_level: float = 0.95
    _maximum: Maximum | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """Its name as reports say it, such as BG/NBD."""
        return LAWS[self.name].title

    @property
    def lifetimes(self):
        """The same model as a fitter of the lifetimes library."""
        fitter = lifetimes_fitter(LAWS[self.name].fitter, self.params)
        fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
        return fitter

    def expected_purchases(self, t):
        """Repeat purchases expected of a new customer within `t` of the first purchase."""
        return expected_of_new(LAWS[self.name], self._values, np.asarray(t, dtype=float))

    def conditional_expected_purchases(self, t, customers: pd.DataFrame) -> np.ndarray:
        """Purchases expected of each customer within `t` of the end of the observation, given the history.

        Several `t` give a row each.
        """
        histories = Histories.among(*_history(customers))
        t = np.asarray(t, dtype=float)[..., None]
        return expected_purchases(LAWS[self.name], self._values, t, histories)[..., histories.of]

    def purchases_ahead(self, ends, weights, customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """P(alive) of each customer, and the purchases expected by each of the `ends`, weighted and summed.

        Parameters
        ----------
        ends
            Times after the end of the observation.
        weights
            One number per end, or several rows of them, which give a row each.
        """
        histories, law = Histories.among(*_history(customers)), LAWS[self.name]
        summed = weighted_purchases(law, self._values, ends, np.asarray(weights), histories)
        return probability_alive(law, self._values, histories)[histories.of], summed[..., histories.of]

    def expected_totals(self, ends, customers: pd.DataFrame) -> np.ndarray:
        """Purchases expected of all customers together by each of the `ends`."""
        return expected_totals(LAWS[self.name], self._values, ends, Histories.among(*_history(customers)))

    def p_alive(self, customers: pd.DataFrame) -> np.ndarray:
        """Probability that each customer has not left for good, given the history; 0 to 1."""
        histories = Histories.among(*_history(customers))
        return probability_alive(LAWS[self.name], self._values, histories)[histories.of]

    def draw_p_alive(self, customers: pd.DataFrame, *, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """`p_alive` with parameters as uncertain as the data leave them, `draws` times."""
        histories = Histories.among(*_history(customers))
        for params in self._drawn(draws, rng):
            yield probability_alive(LAWS[self.name], params, histories)[histories.of]

    def simulate_purchases(self, t: float, customers: pd.DataFrame, *, draws: int, seed: int) -> Iterator[np.ndarray]:
        """Purchases of each customer within `t` of the end of the observation, `draws` times.

        Parameters are drawn as well as outcomes, so that the draws vary as the future that has yet to happen does.
        """
        for future in self._futures(t, customers, draws, np.random.default_rng(seed)):
            bought = np.zeros(len(customers))
            bought[future.buyers] = future.bought
            yield bought

    def simulate_totals(self, ends, customers: pd.DataFrame, *, draws: int, seed: int) -> np.ndarray:
        """Purchases of all customers together by each of the rising `ends`, one row per draw."""
        rng, ends = np.random.default_rng(seed), np.asarray(ends, dtype=float)
        times = (future.times(rng) for future in self._futures(ends[-1], customers, draws, rng))
        return np.array([np.searchsorted(np.sort(each), ends, side="right") for each in times])

    def _futures(self, t: float, customers: pd.DataFrame, draws: int, rng: np.random.Generator) -> Iterator[Future]:
        histories = Histories.among(*_history(customers))
        for params in self._drawn(draws, rng):
            yield simulate(LAWS[self.name], params, t, histories, rng)

    def _drawn(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        objective = self._maximum.objective if self._maximum else None
        return draw_params(self._values, self.covariance, draws=draws, rng=rng, objective=objective)

    def expected_in_first_year(self) -> Estimate:
        """Repeat purchases expected of a new customer in the first year, with the parameters' uncertainty."""
        law, year = LAWS[self.name], 12 * UNITS_PER_MONTH[self.time_unit]
        value = float(self.expected_purchases(year))
        shown: dict[str, Any] = {
            "unit": "purchases",
            "n": self.n,
            "label": _("repeat purchases of a new customer in the first year"),
        }
        if self._maximum is None:
            return Estimate(value, None, None, **shown, no_interval=N_("the parameters are given, not fitted"))
        return profile_estimate(
            self._maximum,
            value,
            lambda log_params: np.log(expected_of_new(law, np.exp(log_params), year)),
            confidence_level=self.confidence_level,
            **shown,
        )

    def to_dict(self) -> dict:
        """The entry of a report's JSON."""
        return model_entry(self.params, self.standard_errors, self.log_likelihood, self.n) | {
            "time_unit": self.time_unit
        }

    def table(self) -> pd.DataFrame:
        """Parameters with standard errors and intervals by profile likelihood."""
        level = self.confidence_level
        return parameter_table(
            self.params, self._values, self.covariance, maximum=self._maximum, confidence_level=level
        )

    def summary(self) -> str:
        """How often a new customer should buy again in the first year, with its interval."""
        expected = self.expected_in_first_year()
        return _(
            "By the {model} model, fitted to {n} customers, a new customer makes on average {purchases} {evidence} "
            "after the first one within a year."
        ).format(model=self.title, n=number(self.n), purchases=expected.text(), evidence=expected.evidence())

    @property
    def _values(self) -> np.ndarray:
        return np.array(list(self.params.values()))


def fit_bg_nbd(customers: pd.DataFrame, *, time_unit: str = "week", confidence_level: float = 0.95) -> PurchaseModel:
    """Fit the BG/NBD model by maximum likelihood.

    Parameters
    ----------
    customers
        One row per customer with `frequency`, `recency` and `T`, as `aggregate.customer_summary` gives them.
    time_unit
        Unit of `recency` and `T`: `day`, `week` or `month`.
    confidence_level
        Of the intervals of the parameters, and of what the model says of new customers.

    Raises
    ------
    FitError
        If the customers cannot carry the model: fewer than two, no repeat purchase, none observed for any time, or a
        history that cannot be, such as `recency` above `T`.
    ValueError
        If `time_unit` is none of the three.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24, 275-284.
    """
    return _fit("bg_nbd", customers, time_unit, confidence_level)


def fit_mbg_nbd(customers: pd.DataFrame, *, time_unit: str = "week", confidence_level: float = 0.95) -> PurchaseModel:
    """Fit the MBG/NBD model by maximum likelihood; arguments and errors as `fit_bg_nbd`.

    References
    ----------
    Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
    International Journal of Research in Marketing 24, 201-209.
    """
    return _fit("mbg_nbd", customers, time_unit, confidence_level)


def fit_pareto_nbd(
    customers: pd.DataFrame, *, time_unit: str = "week", confidence_level: float = 0.95
) -> PurchaseModel:
    """Fit the Pareto/NBD model by maximum likelihood; arguments and errors as `fit_bg_nbd`.

    References
    ----------
    Fader and Hardie (2005), A note on deriving the Pareto/NBD model and related expressions, note 009.
    """
    return _fit("pareto_nbd", customers, time_unit, confidence_level)


def _fit(name: str, customers: pd.DataFrame, time_unit: str, confidence_level: float) -> PurchaseModel:
    if time_unit not in UNITS_PER_MONTH:
        raise ValueError(f"`time_unit` must be one of {', '.join(UNITS_PER_MONTH)}, got {time_unit!r}")
    law = LAWS[name]
    _check(law.title, *_history(customers))
    histories = Histories.among(*_history(customers))
    found = _maximum(law, histories, np.bincount(histories.of))
    return PurchaseModel(
        name,
        dict(zip(law.names, found.params.tolist(), strict=True)),
        dict(zip(law.names, found.standard_errors.tolist(), strict=True)),
        found.covariance,
        found.log_likelihood,
        len(customers),
        time_unit,
        confidence_level,
        found,
    )


def _maximum(law, histories: Histories, sizes: np.ndarray) -> Maximum:
    start = np.where(law.shapes, 1.0, histories.T.max() / 10)
    if (step := len(histories.x) // _ENOUGH) > 1:
        # they stand in order, so that every so many-th is a fair sample, and its maximum a step or two from that of all
        x, t_x, T = (each[::step] for each in (histories.x, histories.t_x, histories.T))
        part = Histories(x, t_x, T, of=np.arange(0))
        start = _maximum(law, part, sizes[::step]).params
    by_hand = getattr(law, "derivatives", None)
    return maximise(
        lambda params: (sizes * log_likelihood(law, params, histories)).sum(),
        start,
        shapes=law.shapes,
        model=law.title,
        derivatives=by_hand and (lambda params: by_hand(params, histories, sizes)),
    )


def _check(title: str, x, t_x, T):
    if len(x) < 2:
        raise FitError(f"{title} needs at least two customers, got {len(x)}")
    bad = ~((x >= 0) & (t_x >= 0) & (t_x <= T) & np.isfinite(T) & ((x > 0) | (t_x == 0)))
    if bad.any():
        raise FitError(
            f"{title} needs frequency >= 0 and 0 <= recency <= T of every customer, and recency 0 where frequency is; "
            f"{bad.sum()} of {len(x)} customers break this, the first in row {int(np.argmax(bad))}"
        )
    if not x.any():
        raise FitError(f"{title} needs repeat purchases: none of the {len(x)} customers bought on a second day")
    if not T.any():
        raise FitError(f"{title} needs customers observed for some time: T is 0 for all {len(x)} of them")


def _history(customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(customers[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
