"""Does the purchase model forecast what customers then did? The forecast of a later period against that period."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab import intervals, sampling
from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.language import number, quantity, stated_share
from crmlab.likelihood import prediction, prediction_bounds
from crmlab.messages import _, sentences
from crmlab.purchases import PurchaseModel

_MOST = 7


@dataclass(frozen=True, eq=False)
class HoldoutCheck:
    """A forecast against what came.

    Attributes
    ----------
    predicted, actual
        Repeat purchases of all customers in the holdout period.
    bias
        predicted / actual - 1, a fraction: below 0 the model forecast too few, 0 is best. Its interval is that of the
        forecast, so it holds 0 when what came lies within the forecast's interval.
    mae
        Mean absolute error per customer, in purchases, with Student's t interval; lower is better.
    by_frequency
        Customers by their repeat purchases before, `frequency` (0 to 6, then 7+): how many, and purchases per customer
        that came (`actual`) and were forecast (`predicted`, with its interval `low` to `high`).
    tolerance
        Size of a bias that is taken as harmless, whatever the interval; a fraction.
    model
        Name of the model that was tested.
    """

    predicted: float
    actual: float
    bias: Estimate
    mae: Estimate
    by_frequency: pd.DataFrame
    tolerance: float
    model: str

    @property
    def fits(self) -> bool:
        """Whether what came lies within the forecast's interval, or within `tolerance` of the forecast.

        With many customers the interval is so narrow that no model passes by it alone; a bias within `tolerance` does
        not change a decision.
        """
        return bool(self.bias.low <= 0 <= self.bias.high or abs(self.bias.value) <= self.tolerance)

    def table(self) -> pd.DataFrame:
        """What came and what was forecast per customer, by purchases before."""
        return self.by_frequency

    def summary(self) -> str:
        """What was forecast against what came, the interval of the difference, and whether the model fits."""
        if round(abs(self.bias.value), 3) == 0:
            found = _(
                "Tested on a later period, the {model} model forecast as many repeat purchases as came ({predicted} "
                "against {actual}; {level} interval of the difference {low} to {high}, n = {n})."
            )
        elif self.bias.value < 0:
            found = _(
                "Tested on a later period, the {model} model forecast {difference} fewer repeat purchases than came "
                "({predicted} against {actual}; {level} interval of the difference {low} to {high}, n = {n})."
            )
        else:
            found = _(
                "Tested on a later period, the {model} model forecast {difference} more repeat purchases than came "
                "({predicted} against {actual}; {level} interval of the difference {low} to {high}, n = {n})."
            )
        found = found.format(
            model=self.model,
            difference=quantity(abs(self.bias.value), "share"),
            predicted=number(self.predicted),
            actual=number(self.actual),
            level=stated_share(self.bias.confidence_level),
            low=quantity(self.bias.low, "share"),
            high=quantity(self.bias.high, "share"),
            n=number(self.bias.n),
        )
        verdict = _("The model does not fit: a difference within chance, or of up to {accepted}, is accepted.")
        if self.fits:
            verdict = _("The model fits: a difference within chance, or of up to {accepted}, is accepted.")
        return sentences(found, verdict.format(accepted=quantity(self.tolerance, "share", digits=0)))

    def advice(self) -> str:
        """What the test means for whoever uses the forecast."""
        if self.fits:
            return _(
                "On a later period that it had not seen, the model's forecast of purchases held, with a difference of "
                "{difference}: the total can be planned with."
            ).format(difference=quantity(self.bias.value, "share"))
        if self.bias.value < 0:
            message = _(
                "Read the total as cautious: on a later period that it had not seen, the model forecast {difference} "
                "fewer purchases than came, and the interval does not cover an error of the model itself."
            )
        else:
            message = _(
                "Read the total as optimistic: on a later period that it had not seen, the model forecast {difference} "
                "more purchases than came, and the interval does not cover an error of the model itself."
            )
        return message.format(difference=quantity(abs(self.bias.value), "share"))


def holdout_check(
    model: PurchaseModel,
    calibration: pd.DataFrame,
    *,
    confidence_level: float = 0.95,
    tolerance: float = 0.10,
    draws: int = 200,
    seed: int = 0,
) -> HoldoutCheck:
    """Compare a model's forecast with what customers did after the period it was fitted on.

    Parameters
    ----------
    model
        Fitted to `calibration`.
    calibration
        One row per customer, as `aggregate.calibration_holdout_summary` gives them.
    tolerance
        Size of a bias that is taken as harmless; 0.1 is 10% too many or too few.
    draws
        Simulated futures behind the intervals; parameters and outcomes are drawn.

    Raises
    ------
    FitError
        If nobody bought again in the holdout period.
    ValueError
        If `T_holdout` differs between customers, or `draws` are too few for the `confidence_level`.
    """
    lengths = calibration["T_holdout"].unique()
    if len(lengths) != 1:
        raise ValueError(f"`calibration` must have one T_holdout for all customers, got {len(lengths)} values")
    came = calibration["frequency_holdout"].to_numpy(dtype=float)
    if not came.any():
        raise FitError("there are no repeat purchases in the holdout period to hold the forecast against")
    forecast = model.conditional_expected_purchases(lengths[0], calibration)
    group = calibration["frequency"].clip(upper=_MOST).to_numpy(dtype=int)
    sizes = np.bincount(group, minlength=_MOST + 1)
    predicted, actual, n = float(forecast.sum()), float(came.sum()), len(calibration)
    simulated, totals = _simulated(model, lengths[0], calibration, group, forecast, draws, seed)
    bias = prediction(
        predicted / actual - 1,
        totals / actual - 1,
        unit="share",
        n=n,
        label=_("forecast against actual repeat purchases"),
        confidence_level=confidence_level,
    )
    mae = intervals.mean(
        np.abs(forecast - came),
        unit="purchases",
        label=_("mean absolute error per customer"),
        confidence_level=confidence_level,
    )
    low, high = prediction_bounds(simulated, confidence_level)
    groups = pd.DataFrame(
        {
            "frequency": [str(x) for x in range(_MOST)] + [f"{_MOST}+"],
            "customers": sizes,
            "actual": np.bincount(group, came, _MOST + 1),
            "predicted": np.bincount(group, forecast, _MOST + 1),
            "low": low,
            "high": high,
        }
    )
    groups = groups[groups["customers"] > 0].reset_index(drop=True)
    totals = ["actual", "predicted", "low", "high"]
    groups[totals] = groups[totals].div(groups["customers"], axis=0)
    return HoldoutCheck(predicted, actual, bias, mae, groups, tolerance, model.title)


def _simulated(model, length: float, calibration, group: np.ndarray, forecast: np.ndarray, draws: int, seed: int):
    """Purchases in simulated futures, by group and of all customers; a sample stands for very many."""
    chosen = sampling.sample(len(group), seed)
    some = calibration if len(chosen) == len(group) else calibration.iloc[chosen]
    of, half = group[chosen], sampling.halves(len(chosen))

    def summed(places: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        found = np.bincount(places, values, _MOST + 1)
        return np.append(found, found.sum())

    futures = model.simulate_purchases(length, some, draws=draws, seed=seed)
    pairs = [(summed(of, bought), summed(of, bought * half)) for bought in futures]
    sums, apart = (np.stack(side) for side in zip(*pairs, strict=True))
    if len(chosen) < len(group):
        sizes = summed(group, None)
        share = np.divide(summed(of, None), sizes, out=np.ones(len(sizes)), where=sizes > 0)
        sums = sampling.of_all(sums, apart, summed(of, forecast[chosen]), summed(group, forecast), share)
    return sums[:, :-1], sums[:, -1]
