r"""A default model: the chance that a customer comes to default, and the same as points of a scorecard.

Points rise as risk falls: 600 mean odds of 50 good to 1 bad, and every 20 points double them,

.. math:: \text{points} = \underbrace{600 - F \ln 50}_{487.123} + F \ln \frac{1 - p}{p}, \quad F = 20 / \ln 2 = 28.8539.

Features belong to the time before a customer's first instalment (rating, capital, industry): how a customer has paid
since is part of what is to be foretold, and would make the model look better than it will be.

References
----------
Siddiqi (2006), Credit risk scorecards. Peduzzi, Concato, Kemper, Holford and Feinstein (1996), A simulation study of
the number of events per variable in logistic regression analysis, Journal of Clinical Epidemiology 49, 1373-1379.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crmlab import intervals, language
from crmlab.binomial import BinomialFit, fit_binomial
from crmlab.credit.features import (
    Feature,
    design_matrix,
    effect_name,
    feature_name,
    independent_features,
    learn_features,
)
from crmlab.intervals import Estimate, z_score
from crmlab.likelihood import covariance_root, model_entry
from crmlab.messages import N_, _, listed, ngettext, sentences
from crmlab.segments import required_columns

BASE_POINTS, BASE_ODDS, POINTS_TO_DOUBLE = 600.0, 50.0, 20.0
FACTOR = POINTS_TO_DOUBLE / math.log(2)
OFFSET = BASE_POINTS - FACTOR * math.log(BASE_ODDS)
DEFAULTS_PER_COEFFICIENT = 10
# columns of `customers` that are known before the first instalment, and how each is read
FEATURES = {"credit_rating": "levels", "registered_capital": "log10", "risk_tolerance": "levels"}
_NONE_GIVEN = N_("no feature tells these customers apart")
_TOO_FEW = N_("too few defaults for a model with features")
_NOBODY = N_("no customer has been observed for the whole window")


@dataclass(frozen=True, eq=False)
class DefaultModel:
    """Chance of default within a window from the first instalment.

    Attributes
    ----------
    features
        How each column is read; none where everyone is given the same chance.
    fit
        The logistic regression, the intercept first; None without features.
    n, defaults
        Customers observed for the whole window of `window_months`, and those of them in default within it.
    reason
        Why there are no features, in English, translated where it is shown; empty where there are.
    left_out
        Columns that the customers lack, that tell nobody apart, or that follow from those before them.
    """

    features: tuple[Feature, ...]
    fit: BinomialFit | None
    n: int
    defaults: int
    window_months: float
    reason: str = ""
    left_out: tuple[str, ...] = ()
    confidence_level: float = 0.95

    @property
    def names(self) -> tuple[str, ...]:
        """Of the coefficients."""
        return ("intercept", *(name for feature in self.features for name in feature.names))

    @property
    def rate(self) -> Estimate | None:
        """Share of customers who came to default; None where nobody was observed for long enough."""
        label = _("share of customers who came to default")
        level = self.confidence_level
        return intervals.wilson(self.defaults, self.n, label=label, confidence_level=level) if self.n else None

    def design(self, customers: pd.DataFrame) -> np.ndarray:
        """The columns that the coefficients after the intercept belong to."""
        return design_matrix(customers, self.features).to_numpy(float)

    def log_odds(self, customers: pd.DataFrame) -> np.ndarray:
        """Of default, for each customer.

        Without features, those of the share of defaults with half a default and half a good customer added (Jeffreys).
        """
        if self.fit is None:
            share = (self.defaults + 0.5) / (self.n + 1)
            return np.full(len(customers), math.log(share / (1 - share)))
        return self.fit.coefficients[0] + self.design(customers) @ self.fit.coefficients[1:]

    def probabilities(self, customers: pd.DataFrame) -> np.ndarray:
        """Chance of default of each customer within the window from a first instalment, 0 to 1.

        Raises
        ------
        ValueError
            If nobody was observed for the whole window, or `customers` lack a column of the model.
        """
        if not self.n:
            raise ValueError(f"the model gives no probability: {_NOBODY}")
        return 1 / (1 + np.exp(-self.log_odds(customers)))

    def draw_coefficients(self, *, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Coefficients as uncertain as the data leave them, one row per draw."""
        if self.fit is None:
            share = np.clip(rng.beta(self.defaults + 0.5, self.n - self.defaults + 0.5, draws), 1e-12, 1 - 1e-12)
            return np.log(share / (1 - share))[:, None]
        root = covariance_root(self.fit.covariance)
        return self.fit.coefficients + rng.standard_normal((draws, len(root))) @ root.T

    def scored(self, customers: pd.DataFrame) -> pd.DataFrame:
        """`customer_id`, `probability` and `points` (more are safer; see the module); no rows without features."""
        frame = required_columns(customers, ("customer_id",))
        if self.fit is None:
            return pd.DataFrame({"customer_id": frame["customer_id"][:0], "probability": [], "points": []})
        points = np.round(OFFSET - FACTOR * self.log_odds(customers)).astype(int)
        return frame.assign(probability=self.probabilities(customers), points=points).reset_index(drop=True)

    def table(self) -> pd.DataFrame:
        """One row per effect: `effect`, `odds_ratio` as an estimate (above 1 default is likelier), `points` it adds."""
        if self.fit is None:
            return pd.DataFrame({"effect": [], "odds_ratio": [], "points": []})
        owner = [feature for feature in self.features for _name in feature.names]
        rows = []
        for feature, name, place in zip(owner, self.names[1:], range(1, len(owner) + 1), strict=True):
            ends = (self.fit.coefficients, self.fit.low, self.fit.high)
            ratio, low, high = (math.exp(min(end[place], 700)) for end in ends)
            effect = effect_name(feature, name)
            label = _("odds of default: {effect}").format(effect=effect)
            odds = Estimate(ratio, low, high, "ratio", self.n, label, self.confidence_level)
            rows.append((effect, odds, -FACTOR * self.fit.coefficients[place]))
        return pd.DataFrame(rows, columns=["effect", "odds_ratio", "points"])

    def entry(self) -> dict:
        """What a report's JSON says of the model."""
        if self.fit is None:
            return {"params": {}, "n": self.n, "defaults": self.defaults}
        params = dict(zip(self.names, self.fit.coefficients, strict=True))
        errors = dict(zip(self.names, self.fit.standard_errors, strict=True))
        return model_entry(params, errors, self.fit.log_likelihood, self.n) | {"defaults": self.defaults}

    def summary(self) -> str:
        """The share of customers who came to default, and what raises the odds of it most."""
        if not self.n:
            return _("Probabilities of default cannot be estimated: {reason}.").format(reason=_(self.reason))
        found = _(
            "Within {window} of the first instalment, {defaults} of {n} customers came to default: {share} {evidence}."
        ).format(
            window=language.quantity(self.window_months, "months"),
            defaults=language.number(self.defaults),
            n=language.number(self.n),
            share=self.rate.text(),
            evidence=self.rate.evidence(),
        )
        if self.fit is None:
            same = _("Everyone is given this share as the probability of default: {reason}.")
            return sentences(found, same.format(reason=_(self.reason)))
        left_out = ngettext(
            "Left out, because the data lack it or it tells nothing that others do not: {columns}.",
            "Left out, because the data lack them or they tell nothing that others do not: {columns}.",
            len(self.left_out),
        ).format(columns=listed(map(feature_name, self.left_out)))
        left_out = left_out if self.left_out else ""
        effects = self.table()
        told = [
            (row.effect, row.odds_ratio)
            for row in effects.itertuples()
            if not row.odds_ratio.low <= 1 <= row.odds_ratio.high
        ]
        if not told:
            return sentences(found, _("None of the features can be told to change it."), left_out)
        effect, odds = max(told, key=lambda pair: abs(math.log(pair[1].value)))
        return sentences(
            found,
            _("The strongest effect on the odds of default is {effect}: {odds} times {evidence}.").format(
                effect=effect, odds=language.number(odds.value, 2), evidence=odds.evidence()
            ),
            left_out,
        )


def default_model(
    outcomes: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    features: Mapping[str, str | Sequence[str]] | None = None,
    window_months: float = 12,
    defaults_per_coefficient: float = DEFAULTS_PER_COEFFICIENT,
    confidence_level: float = 0.95,
) -> DefaultModel:
    """Logistic regression of default on features; where that cannot be, the same chance for everyone, and why.

    Parameters
    ----------
    outcomes
        As `credit.default_outcomes` makes them; customers not observed for the whole window are left out.
    customers
        One row per customer: `customer_id` and the columns that `features` names.
    features
        By column, how it is read: see `crmlab.credit.features`. `FEATURES` where none are given.
    window_months
        That of the outcomes.
    defaults_per_coefficient
        How many defaults (or, if they are fewer, good customers) each coefficient needs at least.

    Raises
    ------
    ValueError
        If `outcomes` or `customers` lack a column, `customers` repeat one, or `features` cannot be read so.
    """
    features, z = features or FEATURES, z_score(confidence_level)
    known = with_features(outcomes, customers)
    defaulted = known["default"].to_numpy(bool)
    same = DefaultModel(
        (), None, len(known), int(defaulted.sum()), float(window_months), confidence_level=confidence_level
    )
    if not len(known):
        return replace(same, reason=_NOBODY)
    there = {column: treatment for column, treatment in features.items() if column in known}
    learnt = independent_features(known, learn_features(known, there))
    kept = {feature.column for feature in learnt}
    same = replace(same, left_out=tuple(column for column in features if column not in kept))
    design = design_matrix(known, learnt)
    fewer = min(same.defaults, same.n - same.defaults)
    if not learnt:
        return replace(same, reason=_NONE_GIVEN)
    if fewer < defaults_per_coefficient * design.shape[1] or not fewer:
        return replace(same, reason=_TOO_FEW)
    x = np.column_stack([np.ones(len(design)), design.to_numpy(float)])
    fit = fit_binomial(x, defaulted.astype(float), np.ones(len(design)), z=z)
    return replace(same, features=learnt, fit=fit)


def with_features(outcomes: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """Customers observed for the whole window, with their features; those that `customers` lacks are left out.

    Raises
    ------
    ValueError
        If `outcomes` or `customers` lack a column, or `customers` repeat one.
    """
    needed = ("customer_id", "first_due_on", "observed", "default")
    missing = [name for name in needed if name not in outcomes]
    if missing:
        raise ValueError(f"`outcomes` must have the columns {', '.join(needed)}; missing: {', '.join(missing)}")
    required_columns(customers, ("customer_id",))
    if customers["customer_id"].duplicated().any():
        raise ValueError("`customers` must have one row per customer, got some customer_id more than once")
    known = outcomes.loc[outcomes["observed"], list(needed)]
    return known.merge(customers, on="customer_id", how="inner", suffixes=("", "_of_customer"))
