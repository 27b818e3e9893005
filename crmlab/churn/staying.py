"""How long customers under contract stay, month by month, and what each is worth; see `crmlab.churn.worth`."""

from typing import Protocol

import numpy as np
import pandas as pd
from scipy import optimize

from crmlab.absence import FitError

YEAR = 12  # months
_KEPT = 1e-4  # without a horizon, months are left out from which on a payment is worth less than this


class Durations(Protocol):
    """A model of how many months customers stay, as `churn.bdw.DurationModel`."""

    def survival(self, periods) -> np.ndarray:
        """Share that still stays after so many periods, from 1 down to 0."""
        ...

    def draw_survival(self, periods, *, draws: int, seed: int) -> np.ndarray:
        """The same under parameters as uncertain as the data leave them, one row per draw."""
        ...


def contract_values(
    customers: pd.DataFrame,
    model: Durations | None,
    *,
    margin: float = 1.0,
    annual_discount_rate: float = 0.1,
    horizon_months: int | None = 60,
    value_months: float = 12,
    period_months: int = 1,
) -> pd.DataFrame:
    """Expected value of each customer under contract: `customer_id` and `clv`, money, discounted to today.

    It is empty where the contract has no value.

    Parameters
    ----------
    customers
        One row per customer whose contract runs: `customer_id`, `tenure_months` (1 in the first month of a contract)
        and `value` of the contract.
    model
        Of periods of `period_months`: `churn.bdw.DurationModel`. None where none could be fitted: a customer is then
        worth what the contract pays in a year.
    margin
        Share of the value that is left after costs, above 0 and up to 1.
    horizon_months
        How far to look; None: as long as contracts last, which needs a discount rate above 0.
    value_months
        Months that the value of a contract pays for.
    annual_discount_rate
        0.1 is 10% a year.

    Raises
    ------
    FitError
        If there is no customer, or contracts have no value.
    ValueError
        If `customers` lack another column, or a term is out of its range.
    """
    tenure, months = checked(customers, margin, annual_discount_rate, horizon_months, value_months)
    ids, paid = customers["customer_id"].to_numpy(), margin * customers["value"].to_numpy(float) / value_months
    if model is None:
        return pd.DataFrame({"customer_id": ids, "clv": YEAR * paid})
    ages, where = np.unique(tenure, return_inverse=True)
    hazard = hazard_of(model.survival(np.arange(ages.max() + months + 1) // period_months))
    periods = lasting(hazard, ages, 1.0, months) @ discounts(annual_discount_rate, months)
    return pd.DataFrame({"customer_id": ids, "clv": paid * periods[where]})


def checked(customers, margin, annual_discount_rate, horizon_months, value_months) -> tuple[np.ndarray, int]:
    """Tenure in months of each customer, and the months to look ahead.

    Raises
    ------
    FitError
        If there are no customers, or no column `value`.
    ValueError
        If another column is missing, or a term is out of its range.
    """
    if missing := [name for name in ("customer_id", "tenure_months") if name not in customers]:
        raise ValueError(f"`customers` must have customer_id and tenure_months; missing: {', '.join(missing)}")
    if customers.empty:
        raise FitError("the value of contracts needs contracts that run, there are none")
    if "value" not in customers:
        raise FitError("the contracts have no column value")
    if not 0 < margin <= 1:
        raise ValueError(f"`margin` must be a share above 0 and up to 1, got {margin}")
    if not value_months > 0:
        raise ValueError(f"`value_months` must be above 0, got {value_months}")
    if horizon_months is None and not annual_discount_rate > 0:
        raise ValueError(f"`annual_discount_rate` must be above 0 without a horizon, got {annual_discount_rate}")
    if not annual_discount_rate > -1:
        raise ValueError(f"`annual_discount_rate` must be above -1, got {annual_discount_rate}")
    if horizon_months is not None and horizon_months < 1:
        raise ValueError(f"`horizon_months` must be a positive integer, got {horizon_months}")
    tenure = np.maximum(customers["tenure_months"].to_numpy(float).round().astype(int), 1)
    endless = 0 if horizon_months else int(np.ceil(-YEAR * np.log(_KEPT) / np.log1p(annual_discount_rate)))
    return tenure, horizon_months or endless


def discounts(annual_rate: float, months: int) -> np.ndarray:
    """What a sum paid at the end of each month is worth today."""
    return (1 + annual_rate) ** (-np.arange(1, months + 1) / YEAR)


def hazard_of(survival: np.ndarray) -> np.ndarray:
    """Chance to leave in the first, second, ... month; once all have left, certain."""
    before, after = survival[:-1], survival[1:]
    return 1 - np.divide(after, before, out=np.zeros_like(after), where=before > 0)


def lasting(hazard: np.ndarray, ages: np.ndarray, factor: float, months: int) -> np.ndarray:
    """Share of customers of each age still there after one, two, ... months, their chances to leave scaled."""
    ahead = np.lib.stride_tricks.sliding_window_view(hazard, months)[ages - 1]
    return np.cumprod(1 - np.minimum(factor * ahead, 1.0), axis=1)


def factor_for(hazard: np.ndarray, target: float, staying) -> float | None:
    """By how much chances to leave are scaled for that share to stay a year; None where no factor does it."""
    if not 0 < target < 1:
        return None
    most = 1.0
    while staying(hazard, most) > target:
        most *= 2
        if most > 1e6:
            return None
    return float(optimize.brentq(lambda factor: staying(hazard, factor) - target, 0.0, most, xtol=1e-10))
