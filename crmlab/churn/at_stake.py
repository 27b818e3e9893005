"""What may be lost with customers who leave: simulated futures, the severity of alerts, and what each reason costs."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from crmlab.churn.reasons import NO_REASON
from crmlab.messages import _

# the most pressing alerts hold this share of what is at risk, those of medium severity what is beyond up to the second
_HIGH, _MEDIUM = 0.5, 0.8


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
