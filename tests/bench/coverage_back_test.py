"""How often the 95% intervals of the back-test of customer scores hold the truth.

Run from the repository's root: `python tests/bench/coverage_back_test.py [draws] [customers]`. Each draw makes
customers whose hidden quality shows in their scores and outcomes on two days, and compares the intervals with what a
great many of them give. An interval passes between 93% and 97% over 400 draws.
"""

import sys
from functools import cache

import numpy as np
import pandas as pd

from crmlab.diagnosis.outcome import outcome_test

DAYS = pd.to_datetime(["2024-12-31", "2025-12-31"])
# how much of quality the score and the naive ranking show, and log-odds of the outcome: average, for each unit of it
SEEN, NAIVE_SEEN, AVERAGE, SLOPE = 0.7, 0.4, -1.6, -0.8


def portfolio(customers: int, rng: np.random.Generator, days: int) -> pd.DataFrame:
    """Customers on each day, with scores and outcomes that hang together within a customer."""
    quality = rng.standard_normal(customers)
    own = rng.standard_normal(customers)  # what stays of a customer's outcome beyond quality

    def shown(share: float) -> np.ndarray:
        return share * quality + np.sqrt(1 - share**2) * rng.standard_normal(customers)

    parts = []
    for day in DAYS[:days]:
        chance = 1 / (1 + np.exp(-(AVERAGE + SLOPE * quality + 0.7 * own)))
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": [f"C{number:07d}" for number in range(customers)],
                    "scored_on": day,
                    "customer_score": 50 + 15 * shown(SEEN),
                    "silent_days": 100 - 30 * shown(NAIVE_SEEN),
                    "left": (rng.random(customers) < chance) * 1.0,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def estimates(frame: pd.DataFrame) -> dict:
    found = outcome_test(frame, "left", name="who left", months=12)
    naive = found.naive.iloc[0]
    shares = found.groups["share"]
    return {
        "AUC": found.auc,
        "AUC of the naive ranking": naive["auc"],
        "difference to it": naive["difference"],
        "share of the lowest group": shares.iloc[0],
        "share of the highest group": shares.iloc[-1],
    }


@cache
def truth(days: int, groups: int) -> dict[str, float]:
    large = portfolio(400_000, np.random.default_rng(7), days)
    found = {name: estimate.value for name, estimate in estimates(large).items()}
    if groups == 5:
        place = large.groupby("scored_on")["customer_score"].rank(pct=True)
        found["share of the lowest group"] = large.loc[place <= 0.2, "left"].mean()
        found["share of the highest group"] = large.loc[place > 0.8, "left"].mean()
    return found


def covered(customers: int, days: int, seed: int) -> dict[str, bool]:
    """Which intervals of one portfolio hold the truth."""
    found = estimates(portfolio(customers, np.random.default_rng([seed, customers, days]), days))
    known = truth(days, 10 if customers * days >= 500 else 5)
    there = {name: estimate for name, estimate in found.items() if estimate is not None and estimate.low is not None}
    return {name: estimate.low <= known[name] <= estimate.high for name, estimate in there.items()}


def coverage(draws: int = 400, customers: int = 600) -> pd.DataFrame:
    """Share of draws whose interval holds the truth, for one day and for two."""
    shares = {
        f"{days} day(s)": pd.DataFrame([covered(customers, days, seed) for seed in range(draws)]).mean()
        for days in (1, 2)
    }
    return pd.DataFrame(shares)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    print(coverage(*given).round(3).to_string())
