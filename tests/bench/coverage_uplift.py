"""How often the 95% intervals of the programme's effect hold the truth, and how often no effect is called none.

Run from the repository's root: `python tests/bench/coverage_uplift.py [draws] [customers] [design ...]`. Each draw
makes a customer base as Xinglin's, whose programme is known row by row, and compares what it caused in that very draw
with what each design finds (`effect`), and with what it causes over all draws (`expected effect`); and once with the
effect taken out (`null`). An interval passes between 93% and 97% over 400 draws; of what was caused in the very draw it
holds more, since what a customer happened to buy is part of both.
"""

import sys

import numpy as np
import pandas as pd

from crmlab.aggregate.exposure_months import exposure_months
from crmlab.datasets.xinglin.customers import draw_customers, hidden_scores
from crmlab.datasets.xinglin.programme import draw_exposure
from crmlab.datasets.xinglin.trade import draw_transactions
from crmlab.datasets.xinglin.truth import AS_OF
from crmlab.uplift.before_after import before_after_effect
from crmlab.uplift.randomised import randomised_effect
from crmlab.uplift.rollout import rollout_effect

DESIGNS = {"randomised": randomised_effect, "rollout": rollout_effect, "before_after": before_after_effect}
ONE_START = "2025-10-01"


def base(seed: int, customers: int, *, one_start: bool = False):
    """Customers, exposure, transactions with `caused`; with `one_start` the programme reaches everybody on one day."""
    streams = [np.random.default_rng([seed, customers, stream]) for stream in range(4)]
    scores = hidden_scores(streams[0], customers)
    profiles = draw_customers(streams[1], scores)
    exposure = draw_exposure(streams[2], profiles)
    if one_start:
        exposure = exposure.assign(treated=True, from_date=pd.Timestamp(ONE_START))
    transactions, caused = draw_transactions(streams[3], scores, profiles, exposure)
    return profiles, exposure, transactions.assign(caused=caused)


def covered(design: str, seed: int, *, customers: int = 2_000) -> dict[str, bool]:
    """Which intervals hold what the programme caused per customer-month, in one draw."""
    profiles, exposure, transactions = base(seed, customers, one_start=design == "before_after")
    without = transactions.assign(margin=transactions["margin"] - transactions["caused"])
    panel, untouched = (exposure_months(rows, exposure, profiles, until=AS_OF) for rows in (transactions, without))
    effect, none = DESIGNS[design](panel), DESIGNS[design](untouched)
    caused = exposure_months(transactions.assign(margin=transactions["caused"]), exposure, profiles, until=AS_OF)
    truth = caused.outcomes["margin"].sum() / effect.all_customer_months
    relative = truth / (_after(panel) / effect.all_customer_months - truth)
    found = {
        "effect": effect.estimate.low <= truth <= effect.estimate.high,
        "relative effect": effect.relative.low <= relative <= effect.relative.high,
        "null": none.p >= 0.05,
        "null within": none.estimate.low <= 0 <= none.estimate.high,
        "_truth": truth,
        "_low": effect.estimate.low,
        "_value": effect.estimate.value,
        "_high": effect.estimate.high,
    }
    return found | {f"{row.check} passes": bool(row.passed) for row in effect.checks.itertuples()}


def _after(panel) -> float:
    """What treated customers brought in their months with the programme."""
    months = np.arange(len(panel.months))
    after = panel.customers["start"].to_numpy()[:, None] <= months
    return float(panel.outcomes["margin"].multiply(after).sum())


def coverage(design: str, *, draws: int, customers: int = 2_000, first: int = 0) -> pd.Series:
    """Share of draws in which each interval holds the truth; of the entries with an underscore, the mean."""
    found = pd.DataFrame([covered(design, seed, customers=customers) for seed in range(first, first + draws)])
    expected = found["_truth"].mean()
    return found.assign(**{"expected effect": found["_low"].le(expected) & found["_high"].ge(expected)}).mean()


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    for design in sys.argv[3:] or DESIGNS:
        shares = coverage(design, draws=draws, customers=customers)
        sys.stdout.write(f"{design}, {draws} draws of {customers} customers\n{shares.round(3).to_string()}\n")
        sys.stdout.flush()
