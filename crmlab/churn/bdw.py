r"""How long customers stay, where the chance to leave changes with age: the beta-discrete-Weibull model.

As in the shifted beta-geometric model (sBG), customers have chances to leave of their own, which vary as a beta
distribution; here, a customer's own chance also rises (c > 1) or falls (c < 1) with age:

.. math:: S(t) = B(\alpha, \beta + t^c) / B(\alpha, \beta)

With c = 1 it is the sBG. Both allow for customers who came under observation at a later age.

References
----------
Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1), 76-90.
Fader, Hardie, Liu, Davin and Steenburgh (2018), "How to project customer retention" revisited: the role of duration
dependence, Journal of Interactive Marketing 43, 1-16.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import special

from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.likelihood import Maximum, draw_params, maximise, model_entry
from crmlab.messages import _, sentences
from crmlab.profile_likelihood import parameter_ends, parameter_table, profile_estimate

TITLES = {"sbg": "sBG", "bdw": "BdW"}
_NAMES = ("alpha", "beta", "c")


@dataclass(frozen=True, eq=False)
class DurationModel:
    """A fitted model of how many periods customers stay.

    Attributes
    ----------
    name
        `sbg` or `bdw`.
    params, standard_errors
        alpha and beta of the chance to leave in the first period, which has mean alpha / (alpha + beta); of the BdW, c.
    log_likelihood
        Total over the customers; higher is better, among models of the same customers.
    n
        Customers that it was fitted to.
    from_start
        Whether anybody was under observation from the start.
    """

    name: str
    params: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float
    n: int
    from_start: bool
    confidence_level: float
    _maximum: Maximum = field(repr=False)

    @property
    def title(self) -> str:
        """Its name as reports say it, sBG or BdW."""
        return TITLES[self.name]

    @cached_property
    def first_retention(self) -> Estimate | None:
        """Share that outlasts the first period; None if nobody was under observation then."""
        if not self.from_start:
            return None
        alpha, beta = self._maximum.params[:2]
        return profile_estimate(
            self._maximum,
            float(beta / (alpha + beta)),
            lambda log_params: float(log_params[1] - np.logaddexp(*log_params[:2])),
            unit="share",
            n=self.n,
            label=_("share of customers who outlast their first period"),
            confidence_level=self.confidence_level,
        )

    def survival(self, periods) -> np.ndarray:
        """Share that still stays after so many periods, from 1 down to 0."""
        return np.exp(log_survival(list(self.params.values()), periods))

    def retention_rate(self, periods) -> np.ndarray:
        """Share of those who began a period that outlast it, by its number from 1 on."""
        periods = np.asarray(periods, dtype=float)
        values = list(self.params.values())
        return np.exp(log_survival(values, periods) - log_survival(values, periods - 1))

    def draw_survival(self, periods, *, draws: int, seed: int) -> np.ndarray:
        """Survival under parameters as uncertain as the data leave them, one row per draw."""
        rng = np.random.default_rng(seed)
        drawn = draw_params(
            list(self.params.values()), self._maximum.covariance, draws=draws, rng=rng,
            objective=self._maximum.objective,
        )  # fmt: skip
        return np.exp([log_survival(values, periods) for values in drawn])

    def duration_dependence(self) -> tuple[float, float]:
        """Interval of c by profile likelihood: below 1 a customer's own chance to leave falls with age; 1 for sBG."""
        return parameter_ends(self._maximum, 2, self.confidence_level) if self.name == "bdw" else (1.0, 1.0)

    def table(self) -> pd.DataFrame:
        """Parameters with standard errors and intervals by profile likelihood."""
        level, found = self.confidence_level, self._maximum
        return parameter_table(self.params, found.params, found.covariance, maximum=found, confidence_level=level)

    def summary(self) -> str:
        """What a first period costs, and how a customer's own chance to leave changes with age."""
        first = ""
        if self.first_retention is not None:
            first = _("{first} {evidence} of customers outlast their first period.").format(
                first=self.first_retention.text(), evidence=self.first_retention.evidence()
            )
        if self.name == "sbg":
            return first
        low, high = self.duration_dependence()
        dependence = _("Whether a customer’s own chance to leave changes with age cannot be told.")
        if high < 1:
            dependence = _("A customer’s own chance to leave falls with age.")
        elif low > 1:
            dependence = _("A customer’s own chance to leave rises with age.")
        return sentences(first, dependence)

    def to_dict(self) -> dict:
        """The entry of a report's JSON."""
        return model_entry(self.params, self.standard_errors, self.log_likelihood, self.n)


def fit_bdw(left, running=None, *, entered=None, model: str = "bdw", confidence_level: float = 0.95) -> DurationModel:
    """Fit the model by maximum likelihood.

    Parameters
    ----------
    left
        How many customers left in their first, second, ... period.
    running
        How many had stayed for exactly one, two, ... periods and were still there when last seen; a single number
        counts those that outlasted all the periods of `left`. None if there were none.
    entered
        How many of all these came under observation only after exactly one, two, ... periods. None if nobody did.
    model
        `bdw`, or `sbg`: the same with c = 1.

    Raises
    ------
    FitError
        If nobody left, or nobody outlasted a period.
    ValueError
        If `model` is neither, or what is given are no counts of customers by period.

    References
    ----------
    Fader, Hardie, Liu, Davin and Steenburgh (2018), "How to project customer retention" revisited: the role of duration
    dependence, Journal of Interactive Marketing 43, 1-16.
    """
    if model not in TITLES:
        raise ValueError(f"`model` must be among {', '.join(TITLES)}, got {model!r}")
    left = _counts(left, "left")
    running = [0] * (len(left) - 1) + [running] if np.isscalar(running) else running
    running, entered = (
        _counts([0] if given is None else given, name) for given, name in ((running, "running"), (entered, "entered"))
    )
    length = max(map(len, (left, running, entered)))
    left, running, entered = (np.pad(counts, (0, length - len(counts))) for counts in (left, running, entered))
    n, ages = int(left.sum() + running.sum()), np.arange(length + 1)
    title = TITLES[model]
    if not left.any():
        raise FitError(f"the {title} model needs customers who left, none of {n} did")
    if n == left[0]:
        raise FitError(f"the {title} model needs customers who outlasted a period, none of {n} did")

    def log_likelihood(params):
        lasted = log_survival(params, ages)
        gone = lasted[:-1] + np.log(-np.expm1(np.minimum(np.diff(lasted), -1e-300)))
        return float(left @ gone + running @ lasted[1:] - entered @ lasted[1:])

    lost = float(np.clip(left.sum() / (left @ ages[1:] + running @ ages[1:] - entered @ ages[1:]), 1e-3, 0.9))
    start = [max(lost, 0.05), max(1 - lost, 0.05), 1.0][: 3 if model == "bdw" else 2]
    # beta is free: at a chance to leave of one in a hundred a month, customers who are all alike have a large one
    maximum = maximise(log_likelihood, start, shapes=[True, False, True][: len(start)], model=title)
    fitted = (maximum.params, maximum.standard_errors)
    params, errors = (dict(zip(_NAMES, map(float, values), strict=False)) for values in fitted)
    return DurationModel(
        model, params, errors, maximum.log_likelihood, n, bool(n > entered.sum()), confidence_level, maximum
    )


def log_survival(params, periods) -> np.ndarray:
    """Logarithm of the share that stays for so many periods; without c, that of the sBG."""
    alpha, beta, c = [*params, 1.0][:3]
    # beyond, all have left; the power itself would overflow
    grown = np.exp(np.minimum(c * np.log(np.maximum(np.asarray(periods, dtype=float), 1e-300)), 600.0))
    return special.betaln(alpha, beta + grown) - special.betaln(alpha, beta)


def _counts(given, name: str) -> np.ndarray:
    counts = np.atleast_1d(np.asarray(given, dtype=float))
    if counts.ndim != 1 or len(counts) == 0 or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"`{name}` must be counts of customers by period, got {given!r}")
    return counts
