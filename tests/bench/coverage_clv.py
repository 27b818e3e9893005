"""How often the 95% intervals of purchases, spend, lifetime value and holdout hold the truth.

Run from the repository's root: `python tests/bench/coverage_clv.py [draws] [customers] [model]`. Each draw makes a
customer base from known parameters, fits the models to its first 39 weeks, and compares the intervals with the
parameters' own values, or with what the same customers went on to do. An interval passes between 93% and 97% over 400
draws.
"""

import sys

import numpy as np
import pandas as pd

from crmlab.clv import customer_lifetime_value, fit_bg_nbd, fit_gamma_gamma, fit_mbg_nbd, fit_pareto_nbd
from crmlab.holdout import holdout_check
from crmlab.purchases import PurchaseModel

FITS = {"bg_nbd": fit_bg_nbd, "mbg_nbd": fit_mbg_nbd, "pareto_nbd": fit_pareto_nbd}
# What CDNOW's customers look like to each model.
TRUTHS = {
    "bg_nbd": {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259},
    "mbg_nbd": {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614},
    "pareto_nbd": {"r": 0.5533, "alpha": 10.5777, "s": 0.6062, "beta": 11.6687},
}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
CALIBRATION_WEEKS = 39.0
MONTH_WEEKS = 4.345
HORIZON_MONTHS = 12
YEARLY_DISCOUNT = 0.1


def simulate_purchases(model: str, customers: int, rng: np.random.Generator) -> pd.DataFrame:
    """A log of purchases: customer, week of the calendar (the first within 12 weeks), amount."""
    truth = TRUTHS[model]
    rate = rng.gamma(truth["r"], 1 / truth["alpha"], customers)
    first = rng.uniform(0, 12, customers)
    leaves_at = np.full(customers, np.inf)
    quits = np.zeros(customers)
    if model == "pareto_nbd":
        leaves_at = first + rng.exponential(size=customers) / rng.gamma(truth["s"], 1 / truth["beta"], customers)
    else:
        quits = rng.beta(truth["a"], truth["b"], customers)
    last_week = CALIBRATION_WEEKS + HORIZON_MONTHS * MONTH_WEEKS
    who, when = [np.arange(customers)], [first]
    active = np.arange(customers)
    if model == "mbg_nbd":
        active = active[rng.random(customers) >= quits]
    now = first[active]
    while len(active):
        now = now + rng.exponential(size=len(active)) / np.maximum(rate[active], 1e-300)
        bought = now <= np.minimum(last_week, leaves_at[active])
        active, now = active[bought], now[bought]
        who.append(active)
        when.append(now)
        stays = rng.random(len(active)) >= quits[active]
        active, now = active[stays], now[stays]
    log = pd.DataFrame({"customer_id": np.concatenate(who), "week": np.concatenate(when)})
    nu = rng.gamma(SPEND["q"], 1 / SPEND["v"], customers)
    log["amount"] = rng.gamma(SPEND["p"], size=len(log)) / nu[log["customer_id"]]
    return log


def summarise(log: pd.DataFrame) -> pd.DataFrame:
    """One row per customer: the calibration period, the 39 weeks after it, and the discounted year after it."""
    log = log.sort_values(["customer_id", "week"])
    first = log.groupby("customer_id")["week"].transform("min")
    repeat = log[(log["week"] > first) & (log["week"] <= CALIBRATION_WEEKS)].groupby("customer_id")
    summary = log.groupby("customer_id")["week"].min().to_frame("first")
    summary["frequency"] = repeat.size()
    summary["recency"] = repeat["week"].max() - summary["first"]
    summary["T"] = CALIBRATION_WEEKS - summary["first"]
    summary["monetary_value"] = repeat["amount"].mean()
    later = log[log["week"] > CALIBRATION_WEEKS]
    summary["frequency_holdout"] = later[later["week"] <= 2 * CALIBRATION_WEEKS].groupby("customer_id").size()
    months = np.ceil((later["week"] - CALIBRATION_WEEKS) / MONTH_WEEKS)
    worth = later["amount"] / (1 + YEARLY_DISCOUNT) ** (months / 12)
    summary["worth"] = worth.groupby(later["customer_id"]).sum()
    summary["T_holdout"] = CALIBRATION_WEEKS
    return summary.fillna(0.0).reset_index()


def covered(model: str, customers: int, seed: int, *, futures: int = 200) -> dict[str, bool]:
    """Which intervals of one simulated customer base hold the truth; `futures` are simulated for each forecast."""
    base = summarise(simulate_purchases(model, customers, np.random.default_rng([seed, customers])))
    purchases, spend = FITS[model](base), fit_gamma_gamma(base)
    shown = {"draws": futures, "seed": seed}
    value = customer_lifetime_value(
        purchases, spend, base, horizon_months=HORIZON_MONTHS, annual_discount_rate=YEARLY_DISCOUNT, **shown
    )
    holdout = holdout_check(purchases, base, **shown)
    truth = PurchaseModel(model, TRUTHS[model], {}, np.eye(4), 0.0, customers, "week")
    year = purchases.expected_in_first_year()
    result = {
        "total value": value.total.low <= base["worth"].sum() <= value.total.high,
        "holdout bias": holdout.bias.low <= 0 <= holdout.bias.high,
        "purchases in the first year": year.low <= float(truth.expected_purchases(12 * MONTH_WEEKS)) <= year.high,
        "mean spend": spend.mean_spend.low <= SPEND["p"] * SPEND["v"] / (SPEND["q"] - 1) <= spend.mean_spend.high,
    }
    for row in holdout.by_frequency.itertuples():
        result[f"holdout mean after {row.frequency}"] = row.low <= row.actual <= row.high
    for table, known in ((purchases.table(), TRUTHS[model]), (spend.table(), SPEND)):
        for row in table.itertuples():
            result[row.parameter] = row.low <= known[row.parameter] <= row.high
    return result


def coverage(model: str, *, draws: int, customers: int) -> pd.Series:
    """Share of simulated customer bases in which each interval holds the truth."""
    return pd.DataFrame([covered(model, customers, seed) for seed in range(draws)]).mean()


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    for model in sys.argv[3:] or FITS:
        shares = coverage(model, draws=draws, customers=customers)
        sys.stdout.write(
            f"{model}, {draws} draws of {customers} customers\n{shares.map('{:.1%}'.format).to_string()}\n"
        )
        sys.stdout.flush()
