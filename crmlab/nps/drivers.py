"""What goes with high and low scores: an ordinal logit of the answers on what was known of the customer before them.

An effect is told as an odds ratio: how many times the odds of a higher answer, wherever the line is drawn, where a
driver lies at its upper quartile against its lower one and the other drivers are the same. Answers of one customer
count as alike (`crmlab.nps.ordinal`). It is an association: what changed a driver may have changed the score too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import special

from crmlab import language
from crmlab.groups import named
from crmlab.intervals import Estimate, z_score
from crmlab.likelihood import model_entry
from crmlab.many_tests import holm
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.nps.design import SEPARATES, Design, Driver, make_design, told, without
from crmlab.nps.driver_names import driver_name, driver_value, is_lever
from crmlab.nps.ordinal import FitError, OrdinalFit, fit_ordinal

# a step of one spread that multiplies the odds by more than e^5 = 150 tells answers apart without fault
_SEPARATED = 5.0


@dataclass(frozen=True, eq=False)
class DriverModel:
    """A fitted driver model.

    Attributes
    ----------
    effects
        One row per effect, the strongest first: `driver` (column), `effect` and `change` (what is compared, in words),
        `coefficient` with `low` and `high` (log odds of a higher answer per unit of the driver; per unit of the
        logarithm of one more for sums of money), `odds_ratio` (Estimate; above 1, it goes with higher answers),
        `borne_out` (whether it is told from none, Holm's correction made for all effects), `lever` (whether the firm
        can move it), `unknown` (whether it is that of the driver's not being known).
    left_out
        By column: why it is no driver.
    rows_left_out, n
        Answers left out because a driver is not known for them, and answers used.
    score
        Column that is driven.
    scale
        Standard deviation of each column of the design, by which the fit's coefficients are divided.
    """

    formats: ClassVar[dict[str, str]] = {"effect": "text", "change": "text", "odds_ratio": "estimate"} | {
        "coefficient": "ratio",
    }
    labels: ClassVar[dict[str, str]] = {
        "effect": N_("Driver"),
        "change": N_("What is compared"),
        "odds_ratio": N_("Odds of a higher answer, times"),
        "coefficient": N_("Coefficient per unit"),
    }

    effects: pd.DataFrame
    left_out: dict[str, str]
    rows_left_out: int
    n: int
    score: str
    design: Design = field(repr=False)
    fit: OrdinalFit = field(repr=False)
    scale: np.ndarray = field(repr=False)

    def table(self) -> pd.DataFrame:
        """Effects as a reader sees them."""
        return self.effects[["effect", "change", "odds_ratio", "coefficient"]]

    def summary(self) -> str:
        """The strongest effect on each side that the answers bear out, and what was left out."""
        known = self.effects[self.effects["borne_out"]]
        levers = known[known["lever"]]
        if known.empty:
            said = _("Of {n} answers, no driver can be told to go with higher or lower scores.")
            return sentences(said.format(n=language.number(self.n)), self._left_out())
        first = (levers if len(levers) else known).iloc[0]
        odds = first["odds_ratio"]
        message = _(
            "{driver}, {change}, goes with lower scores: the odds of a higher answer are {odds} times as high "
            "{evidence}."
        )
        if odds.value > 1:
            message = _(
                "{driver}, {change}, goes with higher scores: the odds of a higher answer are {odds} times as high "
                "{evidence}."
            )
        said = message.format(
            driver=_capital(first["effect"]), change=first["change"], odds=odds.text(), evidence=odds.evidence()
        )
        rest = ngettext(
            "The answers bear out one effect of {all}; each holds the other drivers fixed and is an association.",
            "The answers bear out {n} effects of {all}; each holds the other drivers fixed and is an association.",
            len(known),
        ).format(n=len(known), all=len(self.effects))
        return sentences(said, rest, self._left_out())

    def entry(self) -> dict:
        """The entry of a report's JSON, by columns of the design."""
        columns = list(self.design.matrix.columns)
        spread = self.scale
        errors = np.sqrt(np.diag(self.fit.covariance))[-len(columns) :] / spread
        values = self.fit.coefficients / spread
        params, deviations = (dict(zip(columns, map(float, each), strict=True)) for each in (values, errors))
        return model_entry(params, deviations, self.fit.log_likelihood, self.n)

    def _left_out(self) -> str:
        columns = _("Left out: {columns}.").format(columns=told(self.left_out)) if self.left_out else ""
        rows = ngettext(
            "One answer is left out because a driver is not known for it.",
            "{n} answers are left out because a driver is not known for them.",
            self.rows_left_out,
        ).format(n=language.number(self.rows_left_out))
        sample = _("Of {all} answers, those of a random sample of customers are used: {n}.")
        sample = sample.format(all=language.number(self.design.sampled), n=language.number(self.n))
        return sentences(columns, rows if self.rows_left_out else "", sample if self.design.sampled else "")


def driver_model(
    answers: pd.DataFrame,
    *,
    drivers: Sequence[str] | None = None,
    score: str = "nps",
    confidence_level: float = 0.95,
) -> DriverModel:
    """Ordinal logit of a score on its drivers.

    Parameters
    ----------
    answers
        One row per answer, as `crmlab.aggregate.answer_drivers.answer_drivers` makes them.
    drivers
        Columns to use; None or empty for all that are no satisfaction themselves.
    score
        Column that is driven: `nps`, or `csat`.
    confidence_level
        Of each interval by itself; `borne_out` is corrected for all effects.

    Raises
    ------
    FitError
        With fewer than 50 answers, answers that are all the same, or no driver left that can be told apart.
    ValueError
        If `answers` lacks `customer_id` or the score.
    """
    z = z_score(confidence_level)
    design = make_design(answers, drivers, score=score)
    design, fit, scale = _fitted(design)
    at, covariance = len(fit.thresholds), fit.covariance
    rows = []
    for driver in design.drivers:
        for column in driver.columns:
            place = list(design.matrix.columns).index(column)
            slope, error = fit.coefficients[place] / scale[place], np.sqrt(covariance[at + place, at + place])
            error = error / scale[place]
            step = _step(driver, column)
            odds = _odds_ratio(slope * step, error * abs(step), len(design.answers), confidence_level)
            words = (_effect(driver, column), _change(driver, column))
            bounds = (slope, slope - z * error, slope + z * error)
            # for being unknown there is nothing to mend
            lever = is_lever(driver.name) and column == driver.columns[0] and driver.is_number
            unknown = driver.is_number and column != driver.columns[0]
            rows.append((driver.name, *words, *bounds, odds, lever, unknown, abs(slope * step), abs(slope) / error))
    names = ["driver", "effect", "change", "coefficient", "low", "high", "odds_ratio", "lever", "unknown", "size", "z"]
    effects = pd.DataFrame(rows, columns=names)
    effects["borne_out"] = holm(2 * special.ndtr(-effects["z"].to_numpy())) < 1 - confidence_level
    return DriverModel(
        effects.sort_values("size", ascending=False, ignore_index=True).drop(columns=["size", "z"]),
        design.left_out,
        design.rows_left_out,
        len(design.answers),
        score,
        design,
        fit,
        scale,
    )


def _fitted(design: Design) -> tuple[Design, OrdinalFit, np.ndarray]:
    """The fit, without whatever driver tells answers apart without fault."""
    while True:
        x = design.matrix.to_numpy()
        scale = x.std(axis=0)
        try:
            fit = fit_ordinal(design.answers, (x - x.mean(axis=0)) / scale, design.clusters)
        except FitError:
            if len(np.unique(design.answers)) < 2:
                raise
            strongest = _alone(design)
        else:
            if np.abs(fit.coefficients).max() < _SEPARATED:
                return design, fit, scale
            column = design.matrix.columns[int(np.abs(fit.coefficients).argmax())]
            strongest = next(driver.name for driver in design.drivers if column in driver.columns)
        design = without(design, strongest, SEPARATES)


def _alone(design: Design) -> str:
    """The driver that goes with the answers most closely by itself."""
    ranks = pd.Series(design.answers).rank()
    alike = design.matrix.rank().corrwith(ranks).abs()
    return next(driver.name for driver in design.drivers if alike.idxmax() in driver.columns)


def _step(driver: Driver, column: str) -> float:
    if driver.is_number and column == driver.columns[0]:
        return driver.scaled(driver.high) - driver.scaled(driver.low)
    return 1.0


def _effect(driver: Driver, column: str) -> str:
    if driver.is_number and column != driver.columns[0]:
        return _("{driver}: not known").format(driver=driver_name(driver.name))
    if not driver.is_number:
        level = driver.levels[driver.columns.index(column)]
        level = named(pd.Series([level])).iloc[0]
        return _("{driver}: {level}").format(driver=driver_name(driver.name), level=level)
    return driver_name(driver.name)


def _change(driver: Driver, column: str) -> str:
    """What an effect compares: `4.5 to 9.3`."""
    if not driver.is_number:
        return _("against {level}").format(level=named(pd.Series([driver.usual])).iloc[0])
    if column != driver.columns[0]:
        return _("against the median")
    step = driver.high - driver.low
    high = driver_value(driver.name, driver.high, step=step)
    return _("{high} against {low}").format(high=high, low=driver_value(driver.name, driver.low, step=step, plain=True))


def _odds_ratio(log_odds: float, error: float, n: int, confidence_level: float) -> Estimate:
    z = z_score(confidence_level)
    low, value, high = (math.exp(end) for end in (log_odds - z * error, log_odds, log_odds + z * error))
    return Estimate(value, low, high, "ratio", n, _("odds ratio of a higher answer"), confidence_level)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
