"""What becomes of today's customers: retention projected by sBG and BdW, and the same tested on what then happened.

Customers are counted at the ends of months, as `crmlab.aggregate.contracts` has them: a customer's first period begins
with the end of the month in which the contract began, so that those who left within it are in no model. A projection
follows those who are there on a day; who comes later is not part of it.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.churn.bdw import TITLES, DurationModel, fit_bdw
from crmlab.intervals import Estimate, z_score
from crmlab.likelihood import prediction, prediction_bounds
from crmlab.messages import N_, _, ngettext, sentences

# lengths of a period, in months, and the part of all ends that must fall on its borders for it to be taken
_PERIODS = (12, 6, 3)
_ON_BORDERS = 0.95
# of the likelihood ratio of BdW against sBG: the 95% quantile of chi-square with one degree of freedom
_BETTER = 3.841


@dataclass(frozen=True, eq=False)
class RetentionProjection:
    """How many of the customers there are on a day will stay.

    Attributes
    ----------
    path
        One row per month from that day on (`month` 0): `last_day`, and of each model, by its name: the share that is
        expected to stay (`sbg`) and the interval in which the share will fall (`sbg_low`, `sbg_high`). In a test also
        `actual`, the share that stayed.
    models
        By name; those that could be fitted.
    best
        The BdW where it explains the data better than the sBG by more than chance, else the sBG.
    retention
        Share expected to stay to the end of the path, by the best model, 0 to 1; the interval holds the share that
        will.
    customers
        How many there are on that day.
    period_months
        Months that make a period of the models.
    """

    labels: ClassVar[dict[str, str]] = {
        "last_day": N_("Month to"),
        "actual": N_("Stayed"),
        "sbg": N_("sBG expected"),
        "bdw": N_("BdW expected"),
    }
    formats: ClassVar[dict[str, str]] = dict.fromkeys(("actual", "sbg", "bdw"), "share")
    intervals: ClassVar[dict[str, tuple[str, str]]] = {name: (f"{name}_low", f"{name}_high") for name in TITLES}

    path: pd.DataFrame
    models: dict[str, DurationModel]
    best: str
    retention: Estimate
    customers: int
    period_months: int

    @property
    def tested(self) -> bool:
        """Whether what then happened is known."""
        return "actual" in self.path

    @property
    def holds(self) -> bool:
        """Whether what happened lies within the best model's interval at the end of the path."""
        last = self.path.iloc[-1]
        return bool(last[f"{self.best}_low"] <= last["actual"] <= last[f"{self.best}_high"])

    def entries(self) -> dict[str, dict]:
        """The models as a report's JSON has them."""
        return {name: model.to_dict() for name, model in self.models.items()}

    def table(self) -> pd.DataFrame:
        """`path` from the first month on."""
        return self.path.iloc[1:].drop(columns="month").reset_index(drop=True)

    def summary(self) -> str:
        """What is expected, and in a test what came."""
        months = int(self.path["month"].iloc[-1])
        day = language.day(self.path["last_day"].iloc[0])
        said = {"expected": self.retention.text(), "evidence": self.retention.evidence(), "day": day, "months": months}
        if not self.tested:
            message = ngettext(
                "Of the customers on {day}, the {model} model expects {expected} to stay for another month {evidence}.",
                "Of the customers on {day}, the {model} model expects {expected} to stay for another {months} months "
                "{evidence}.",
                months,
            )
            return sentences(message.format(model=TITLES[self.best], **said), self.models[self.best].summary())
        message = ngettext(
            "Fitted to what was known on {day}, the {model} model expected {expected} of the customers to stay for "
            "another month {evidence}; {actual} did, which lies within that interval.",
            "Fitted to what was known on {day}, the {model} model expected {expected} of the customers to stay for "
            "another {months} months {evidence}; {actual} did, which lies within that interval.",
            months,
        )
        if not self.holds:
            message = ngettext(
                "Fitted to what was known on {day}, the {model} model expected {expected} of the customers to stay for "
                "another month {evidence}; {actual} did, which lies outside of that interval.",
                "Fitted to what was known on {day}, the {model} model expected {expected} of the customers to stay for "
                "another {months} months {evidence}; {actual} did, which lies outside of that interval.",
                months,
            )
        actual = language.quantity(float(self.path["actual"].iloc[-1]), "share")
        return message.format(model=TITLES[self.best], actual=actual, **said)


def retention_projection(months, *, horizon_months: int = 12, **options) -> RetentionProjection:
    """How many of today's customers will stay over the months ahead.

    Parameters
    ----------
    months
        `crmlab.aggregate.contracts.ContractMonths`: relationships by the months in which they began and ended.
    horizon_months
        How far ahead; a whole number of periods is taken.
    confidence_level, draws, seed
        Of the simulated outcomes behind the interval.

    Notes
    -----
    A period is a year, half or quarter where all but a few contracts ended that regularly, else a month.

    Raises
    ------
    FitError
        If there are no customers, or neither model can be fitted.
    ValueError
        If `horizon_months` is no positive whole number, or `draws` are too few for the `confidence_level`.
    """
    return _projected(months, 0, horizon_months, **options)


def projection_check(months, *, horizon_months: int = 12, **options) -> RetentionProjection:
    """The same from `horizon_months` ago, fitted to what was then known, beside what happened since.

    Parameters are those of `retention_projection`.

    Raises
    ------
    FitError
        If there were no customers then, too little was known to fit either model, or the data do not reach back so far.
    ValueError
        If `horizon_months` is no positive whole number, or `draws` are too few for the `confidence_level`.
    """
    return _projected(months, -1, horizon_months, **options)


def _projected(
    months, back: int, horizon_months: int, *, confidence_level: float = 0.95, draws: int = 400, seed: int = 0
) -> RetentionProjection:
    if horizon_months != int(horizon_months) or horizon_months < 1:
        raise ValueError(f"`horizon_months` must be a positive integer, got {horizon_months}")
    z_score(confidence_level)
    whole, rows = months.first_complete, months.rows
    period = _period(rows)
    steps = -(-horizon_months // period)
    today = back * steps * period
    if whole is not None and today < whole:
        raise FitError(
            _("the data hold no contract that ended before {day}, too late for a test over {months} months").format(
                day=language.day(months.observed_from), months=steps * period
            )
        )
    here = rows[(rows["start"] <= today) & ~(rows["end"] <= today)]
    customers = int(here["relationships"].sum())
    if not customers:
        raise FitError(_("nobody had a contract on {day}").format(day=language.day(months.last_day(today))))
    left, running, entered = renewals(rows, today, whole, period)
    models = _models(left, running, entered, confidence_level)
    best = "bdw" if _gain(models) > _BETTER else next(iter(models))
    age = ((today - here["start"]) // period).to_numpy(int)
    of_age = np.bincount(age, weights=here["relationships"]).astype(int)
    path = pd.DataFrame({"month": period * np.arange(steps + 1)})
    path["last_day"] = [pd.Timestamp(months.last_day(today + month)) for month in path["month"]]
    if back:
        ends = [here.loc[~(here["end"] <= today + month), "relationships"].sum() for month in path["month"]]
        path["actual"] = np.array(ends) / customers
    outcomes = {}
    for name, model in models.items():
        outcomes[name] = _outcomes(model, of_age, steps, draws=draws, seed=seed) / customers
        path[name] = of_age @ _staying(model.survival(np.arange(len(of_age) + steps)), len(of_age), steps) / customers
        low, high = prediction_bounds(outcomes[name], confidence_level)
        path[f"{name}_low"], path[f"{name}_high"] = np.minimum(low, path[name]), np.maximum(high, path[name])
    expected = prediction(
        float(path[best].iloc[-1]), outcomes[best][:, -1], unit="share", n=customers,
        label=_("share of customers expected to stay"), confidence_level=confidence_level,
    )  # fmt: skip
    return RetentionProjection(path, models, best, expected, customers, period)


def renewals(rows: pd.DataFrame, today: int, whole: int | None, period: int) -> list[np.ndarray]:
    """Counts by period of those who left, were still there, and had come before contracts were on record.

    All as known at the end of the month `today`.
    """
    start, end, count = (rows[name].to_numpy(float) for name in ("start", "end", "relationships"))
    end = np.where(np.isnan(end), np.inf, end)
    since = np.maximum(start, -np.inf if whole is None else whole)
    known = (start <= today) & (since <= today) & (end > since)
    start, end, since, count = start[known], end[known], since[known], count[known]
    entered = np.ceil((since - start) / period)
    lasted = np.floor((today - start) / period)
    last = np.ceil((end - start) / period)
    # a period that is not over may still take others: whom it took counts as there
    gone = (end <= today) & (last <= lasted)
    # of a period that was under way when the record began, those it took before are missing
    counted = np.where(gone, last, lasted) > entered
    gone, entered = gone[counted], entered[counted].astype(int)
    ages = np.where(gone, last[counted], lasted[counted]).astype(int)
    count, length = count[counted], int(lasted.max(initial=0)) + 1
    return [
        np.bincount(values, weights=weights, minlength=length + 1)[1:]
        for values, weights in (
            (ages[gone], count[gone]),
            (ages[~gone], count[~gone]),
            (entered[entered > 0], count[entered > 0]),
        )
    ]


def _period(rows: pd.DataFrame) -> int:
    lengths = (rows["end"] - rows["start"]).to_numpy(float)
    ended = lengths > 0
    count = rows["relationships"].to_numpy(float)[ended]
    for period in _PERIODS if count.sum() else ():
        if count[lengths[ended] % period == 0].sum() >= _ON_BORDERS * count.sum():
            return period
    return 1


def _models(left, running, entered, confidence_level: float) -> dict[str, DurationModel]:
    """The sBG, and the BdW where it can be fitted as well."""
    if not (left.any() or running.any()):
        raise FitError(_("no customer has stayed for a whole period yet"))
    shown = {"entered": entered, "confidence_level": confidence_level}
    models = {"sbg": fit_bdw(left, running, model="sbg", **shown)}
    try:
        models["bdw"] = fit_bdw(left, running, **shown)
    except FitError:
        # fewer ages than parameters: the sBG alone says what can be said
        return models
    return models


def _gain(models: dict[str, DurationModel]) -> float:
    return 2 * (models["bdw"].log_likelihood - models["sbg"].log_likelihood) if "bdw" in models else 0.0


def _staying(survival: np.ndarray, ages: int, steps: int) -> np.ndarray:
    """Chance of a customer of each age (rows) to stay for so many periods (columns)."""
    place = np.arange(ages)[:, None] + np.arange(steps + 1)
    return survival[place] / survival[:ages, None]


def _outcomes(model: DurationModel, of_age: np.ndarray, steps: int, *, draws: int, seed: int) -> np.ndarray:
    """How many of the customers stay for each number of periods, one row per draw of parameters and of fates."""
    rng = np.random.default_rng([seed, 1])
    ages = np.arange(len(of_age))
    curves = model.draw_survival(np.arange(len(of_age) + steps), draws=draws, seed=seed)
    here = np.tile(of_age, (draws, 1))
    kept = [here.sum(axis=1)]
    for step in range(steps):
        # whom a period loses depends on whom the one before kept
        stay = curves[:, ages + step + 1] / np.maximum(curves[:, ages + step], 1e-300)
        here = rng.binomial(here, np.clip(stay, 0, 1))
        kept.append(here.sum(axis=1))
    return np.array(kept).T
