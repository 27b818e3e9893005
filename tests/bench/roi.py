"""How long the return takes: cash flows added up, a hundred thousand futures, the rates of long and restless flows.

Run from the repository's root: `python tests/bench/roi.py [draws]`.
"""

import sys
import time

import duckdb
import numpy as np
import pandas as pd

from crmlab.aggregate.cash_flows import crm_cash_flows
from crmlab.intervals import Estimate
from crmlab.roi.cash_flows import programme
from crmlab.roi.returns import internal_rates
from crmlab.roi.simulation import simulate

AS_OF = pd.Timestamp("2025-06-30")
EFFECT = Estimate(12.0, 4.0, 20.0, "USD", 200)
REACHED = pd.DataFrame({"from_date": [pd.Timestamp("2024-07-01")], "customers": [200]})


def flows(frequency: str, categories: int = 6) -> pd.DataFrame:
    """Three years of costs and claims, planned from the as-of date on."""
    rows = [
        (
            "actual" if day <= AS_OF else "base",
            day,
            "cost" if place % 2 else "benefit",
            f"category {place}",
            500.0 + place,
        )
        for day in pd.date_range("2024-01-01", "2026-12-31", freq=frequency)
        for place in range(categories)
    ]
    return pd.DataFrame(rows, columns=["scenario", "date", "kind", "category", "amount"])


def timed(name: str, function, *args, **options):
    start, processor = time.perf_counter(), time.process_time()
    found = function(*args, **options)
    print(f"{name}: {time.perf_counter() - start:.2f} s, processor {time.process_time() - processor:.2f} s")
    return found


def main(draws: int) -> None:
    few = {f"category {place}": {"low": 0.8, "high": 1.3} for place in range(6)}
    all_of_it = few | {"effect_persistence": {"low": 0.4, "high": 1.0}, "discount_rate": {"low": 0.05, "high": 0.2}}
    for frequency in ("MS", "W", "D"):
        made = programme(
            flows(frequency), as_of=AS_OF, effect=EFFECT, reached=REACHED, unit="USD",
            claims_kept=[f"category {place}" for place in range(6)],
        )  # fmt: skip
        simulate(made, ranges=few, draws=100)
        days = made.counted()["date"].nunique()
        timed(f"{draws:,} futures, {days} days with flows, 7 terms", simulate, made, ranges=few, draws=draws)
        timed(
            f"{draws:,} futures, {days} days, rate and persistence too", simulate, made, ranges=all_of_it, draws=draws
        )
    rng = np.random.default_rng(0)
    restless = rng.normal(0, 100, 1000)
    timed(
        "all rates of 1,000 flows of random sign", internal_rates, pd.date_range("2023-01-01", periods=1000), restless
    )
    table = pd.concat([flows("D")] * 150, ignore_index=True)
    with duckdb.connect() as connection:
        timed(f"{len(table):,} rows of cash flows added up by day", crm_cash_flows, connection.from_df(table))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
