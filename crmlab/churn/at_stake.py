"""What may be lost with customers who leave: simulated futures, the severity of alerts, and what each reason costs."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import special

from crmlab.churn.reasons import NO_REASON
from crmlab.intervals import z_score
from crmlab.messages import _

# the most pressing alerts hold this share of what is at risk, those of medium severity what is beyond up to the second
_HIGH, _MEDIUM = 0.5, 0.8
# ends of intervals at which the log-odds are still finite
_EDGE = 1e-9


def drawn_chances(
    frame: pd.DataFrame, probability_draws: np.ndarray | Iterator[np.ndarray] | None, *, draws: int, seed: int
) -> Iterator[np.ndarray]:
    """The customers' chances to leave in each of `draws` futures, as uncertain as they are known to be.

    Parameters
    ----------
    frame
        `probability`, and `probability_low` with `probability_high` where the ends of its 95% interval are known.
    probability_draws
        One row per draw of the model's coefficients, one column per customer; rows are used again where they are fewer.
    """
    chances = frame["probability"].to_numpy(float)
    if isinstance(probability_draws, Iterator):
        return probability_draws
    if probability_draws is not None:
        given = np.asarray(probability_draws, dtype=float)
        if given.ndim != 2 or given.shape[1] != len(frame):
            raise ValueError(f"`probability_draws` must have a column for each of {len(frame)} customers")
        return (given[place % len(given)] for place in range(draws))
    if not {"probability_low", "probability_high"} <= set(frame):
        return (chances for _place in range(draws))
    low, value, high = (
        special.logit(np.clip(frame[name].to_numpy(float), _EDGE, 1 - _EDGE))
        for name in ("probability_low", "probability", "probability_high")
    )
    z = z_score(0.95)
    down, up = np.nan_to_num((value - low) / z), np.nan_to_num((high - value) / z)
    shifts = np.random.default_rng(seed).standard_normal(draws)
    # nobody is more likely to leave than certain, or less than never
    sure = (chances <= 0) | (chances >= 1)
    return (np.where(sure, chances, special.expit(value + shift * (up if shift > 0 else down))) for shift in shifts)


def futures(chances: Iterable[np.ndarray], values: np.ndarray, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How many customers leave, and the value that goes with them, in each future."""
    rng = np.random.default_rng(seed)
    left, lost = [], []
    for chance in chances:
        gone = rng.random(len(chance)) < chance
        left.append(np.count_nonzero(gone))
        lost.append(values[gone].sum())
    return np.array(left), np.array(lost)


def severity(at_stake: pd.Series) -> np.ndarray:
    """Of alerts from the most to the least pressing: high are those that together hold half of what is at stake."""
    total = float(at_stake.sum())
    if total <= 0:
        return np.full(len(at_stake), "low", dtype=object)
    # what those before it hold: the first is of high severity whatever its own share
    before = (at_stake.cumsum() - at_stake) / total
    return np.select([before < _HIGH, before < _MEDIUM], ["high", "medium"], "low").astype(object)


def by_reason(warned: pd.DataFrame, words: Mapping[str, str]) -> pd.DataFrame:
    """One row per first reason of the customers at risk, the costliest first, those without a reason last."""
    groups = warned.assign(driver=warned["driver"].where(warned["driver"].notna(), "")).groupby("driver", sort=True)
    found = groups.agg(
        customers=("customer_id", "size"),
        probability=("probability", "mean"),
        value_at_risk=("value_at_risk", "sum"),
        action=("action", "first"),
    ).reset_index()
    found["none"] = found["driver"] == ""
    order = ["none", "value_at_risk", "customers", "driver"]
    found = found.sort_values(order, ascending=[True, False, False, True], ignore_index=True)
    found.insert(0, "reason", [words.get(driver, _(NO_REASON)) for driver in found["driver"]])
    return found.drop(columns=["driver", "none"])
