"""Week by week: does the forecast keep step with what customers do after the period it was fitted on?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab.language import day, number, stated_share
from crmlab.likelihood import prediction_bounds
from crmlab.messages import N_, _, sentences
from crmlab.purchases import PurchaseModel


@dataclass(frozen=True, eq=False)
class Tracking:
    """Purchases forecast and come, by step and since the end of the calibration period.

    Attributes
    ----------
    steps
        One row per step (a week, unless said otherwise): `ends_on`, `days` since the calibration period; `actual`,
        `predicted` and its interval `low` to `high` in the step; the same with `_so_far` since the calibration period.
        All are purchases of all customers.
    model, n
        Name of the model, and how many customers it forecasts.
    """

    steps: pd.DataFrame
    model: str
    n: int
    confidence_level: float

    formats: ClassVar[dict[str, str]] = dict.fromkeys(
        ("actual", "predicted", "actual_so_far", "predicted_so_far"), "integer"
    )
    labels: ClassVar[dict[str, str]] = {
        "ends_on": N_("Week to"),
        "actual": N_("Bought"),
        "predicted": N_("Forecast"),
        "actual_so_far": N_("Bought so far"),
        "predicted_so_far": N_("Forecast so far"),
    }
    intervals: ClassVar[dict[str, tuple[str, str]]] = {
        "predicted": ("low", "high"),
        "predicted_so_far": ("low_so_far", "high_so_far"),
    }

    @property
    def whole(self) -> pd.DataFrame:
        """`steps` without a last one that is shorter than the others, whose purchases are fewer for that alone."""
        length = self.steps["days"].diff().fillna(self.steps["days"].iloc[0])
        return self.steps[length == length.iloc[0]]

    @property
    def outside(self) -> int:
        """How many whole steps lie outside their intervals.

        These hold each step by itself: some lie outside by chance, one in twenty at 95%.
        """
        steps = self.whole
        return int(((steps["actual"] < steps["low"]) | (steps["actual"] > steps["high"])).sum())

    @property
    def leaves(self) -> pd.Timestamp | None:
        """End of the step from which on the sum so far stays outside its interval; None if it ends inside."""
        steps = self.steps
        within = (steps["actual_so_far"] >= steps["low_so_far"]) & (steps["actual_so_far"] <= steps["high_so_far"])
        if within.iloc[-1]:
            return None
        last = np.flatnonzero(within)
        return steps["ends_on"].iloc[int(last[-1]) + 1 if len(last) else 0]

    def table(self) -> pd.DataFrame:
        """`steps`, without `days`."""
        return self.steps.drop(columns="days")

    def summary(self) -> str:
        """How many steps lay outside their intervals, and when the sum so far left its own for good."""
        expected = stated_share(1 - self.confidence_level)
        by_step = _(
            "Of {steps} weeks, {outside} lay outside the interval of their forecast; about {expected} would by chance."
        ).format(steps=number(len(self.whole)), outside=number(self.outside), expected=expected)
        if self.leaves is None:
            so_far = _("Summed up, purchases stayed within the forecast's interval to the end.")
        else:
            so_far = _("Summed up, purchases left the forecast's interval for good in the week to {day}.").format(
                day=day(self.leaves)
            )
        return sentences(by_step, so_far)


def track_forecast(
    model: PurchaseModel,
    calibration: pd.DataFrame,
    later: pd.DataFrame,
    *,
    confidence_level: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> Tracking:
    """Hold a forecast against what came, step by step.

    Parameters
    ----------
    model
        Fitted to `calibration`.
    calibration
        One row per customer, as `aggregate.calibration_holdout_summary` gives them.
    later
        One row per step, as `aggregate.purchases_after` gives them for the same dates.
    draws
        Simulated futures behind the intervals; parameters and the times of purchases are drawn.

    Raises
    ------
    ValueError
        If `draws` are too few for the `confidence_level`.
    """
    days = later["days"].to_numpy(dtype=float)
    ends = days * calibration["T_holdout"].iloc[0] / days[-1]
    expected = model.expected_totals(ends, calibration)
    futures = model.simulate_totals(ends, calibration, draws=draws, seed=seed)
    came = later["purchases"].to_numpy()
    columns = {"actual": came, "predicted": np.diff(expected, prepend=0.0)}
    columns |= _bounds(np.diff(futures, axis=1, prepend=0), columns["predicted"], confidence_level, "")
    columns |= {"actual_so_far": np.cumsum(came), "predicted_so_far": expected}
    columns |= _bounds(futures, expected, confidence_level, "_so_far")
    return Tracking(later[["ends_on", "days"]].assign(**columns), model.title, len(calibration), confidence_level)


def _bounds(futures: np.ndarray, expected: np.ndarray, confidence_level: float, suffix: str) -> dict[str, np.ndarray]:
    low, high = prediction_bounds(futures, confidence_level)
    return {f"low{suffix}": np.minimum(low, expected), f"high{suffix}": np.maximum(high, expected)}
