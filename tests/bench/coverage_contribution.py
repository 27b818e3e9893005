"""How often the 95% intervals of contribution, bridge, conversion, acquisition and outlook hold the truth.

Run from the repository's root: `python tests/bench/coverage_contribution.py [draws] [name ...]`. An interval passes
between 93% and 97% over 400 draws; those of shrunken rates count over all groups of a draw.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd

from crmlab.acquisition import acquisition_cost
from crmlab.clv import customer_lifetime_value, fit_bg_nbd, fit_gamma_gamma
from crmlab.contribution import contribution_by_group
from crmlab.conversion import conversion_rates
from crmlab.intervals import Estimate, from_standard_error
from crmlab.payback import payback
from crmlab.potential import value_outlook
from crmlab.purchases import PurchaseModel
from crmlab.revenue_bridge import revenue_bridge
from crmlab.shrinkage import shrunken_rates
from tests.bench.coverage_clv import MONTH_WEEKS, SPEND, TRUTHS, YEARLY_DISCOUNT, simulate_purchases, summarise

GROUPS = pd.DataFrame(
    {"part": [0.5, 0.3, 0.15, 0.05], "size": [1.0, 1.5, 0.7, 2.0], "rate": [0.3, 0.25, 0.4, 0.2]},
    index=["a", "b", "c", "d"],
)
LOST_RATE, SHAPE, SCALE = 0.8, 0.8, 3.0


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def contribution(seed: int, *, customers: int = 400, sigma: float = 1.0) -> dict[str, bool]:
    """Shares of groups of unequal size; the least has 20 of 400 customers."""
    rng = np.random.default_rng([1, seed])
    group = rng.choice(GROUPS.index, customers, p=GROUPS["part"])
    own = GROUPS.loc[group]
    revenue = own["size"].to_numpy() * rng.lognormal(0, sigma, customers)
    frame = pd.DataFrame({"customer_id": np.arange(customers), "revenue": revenue})
    frame["margin"] = revenue * (own["rate"].to_numpy() + 0.05 * rng.standard_normal(customers))
    profiles = frame[["customer_id"]].assign(industry=group)
    found = contribution_by_group(frame, profiles, by="industry", fewest=1).groups.set_index("group")
    weight = GROUPS["part"] * GROUPS["size"]
    profit = weight * GROUPS["rate"]
    return {
        f"{name} {what}": holds(found.loc[name, what], truth[name])
        for name in found.index
        for what, truth in (
            ("revenue_share", weight / weight.sum()),
            ("margin_share", profit / profit.sum()),
            ("margin_rate", GROUPS["rate"]),
        )
        if found.loc[name, what].low is not None
    }


def bridge(seed: int, *, customers: int = 400) -> dict[str, bool]:
    """Two periods of gamma-Poisson buyers, who buy four fifths as often in the later one."""
    rng = np.random.default_rng([2, seed])
    rate, amount = rng.gamma(SHAPE, SCALE, customers), rng.lognormal(0, 0.7, customers)
    before, now = rng.poisson(rate), rng.poisson(LOST_RATE * rate)
    frame = pd.DataFrame({"customer_id": np.arange(customers), "purchases_before": before, "purchases": now})
    frame = frame.assign(revenue_before=before * amount, revenue=now * amount, first_date=pd.Timestamp("2020-01-01"))
    frame = frame[(before > 0) | (now > 0)]
    last = pd.Timestamp("2024-12-31").date()
    found = revenue_bridge(SimpleNamespace(customers=frame, before=(last, last), months=12, comparable=True))
    steps = found.steps.set_index("step")["share"]
    never = (1 + SCALE) ** -(SHAPE + 1)
    return {
        "growth": holds(found.growth, LOST_RATE - 1),
        "kept": holds(found.kept, LOST_RATE * (1 - never)),
        "lost": holds(steps["Lost"], -((1 + LOST_RATE * SCALE) ** -(SHAPE + 1))),
        "returned": holds(steps["Returned"], LOST_RATE * never),
    }


def conversion(seed: int, *, customers: int = 300) -> dict[str, bool]:
    """Outcomes of a customer hang together; the share won is that of all such customers."""
    rng = np.random.default_rng([3, seed])
    of = np.repeat(np.arange(customers), 1 + rng.poisson(2.0, customers))
    chance = rng.beta(0.4 * 8, 0.6 * 8, customers)
    won = rng.random(len(of)) < chance[of]
    frame = pd.DataFrame({"customer_id": of, "opened_on": pd.Timestamp("2024-01-01")})
    frame["outcome"] = np.where(won, "won", "lost")
    profiles = pd.DataFrame({"customer_id": np.arange(customers), "segment": np.where(chance < 2, "x", "")})
    profiles.loc[: customers // 5, "segment"] = "y"
    found = conversion_rates(frame, profiles, by="segment")
    rates = found.groups.set_index("group")["rate"]
    return {"all": holds(found.total, 0.4), "most": holds(rates["x"], 0.4), "a fifth": holds(rates["y"], 0.4)}


def shrinkage(seed: int, *, groups: int = 8, mean: float = 0.4, size: float = 20.0) -> dict[str, float]:
    """The share of a draw's groups whose interval holds their rate."""
    rng = np.random.default_rng([4, seed])
    rate, trials = rng.beta(mean * size, (1 - mean) * size, groups), rng.integers(3, 80, groups)
    found = shrunken_rates(rng.binomial(trials, rate), trials)
    return {"groups": np.mean([holds(each, truth) for each, truth in zip(found, rate, strict=True)])}


def acquisition(seed: int, *, months: int = 36) -> dict[str, bool]:
    """Spend that follows the customers won, and customers who follow the spend."""
    rng = np.random.default_rng([5, seed])
    won = 1 + rng.poisson(6, months)
    follows = won * 5000 * (1 + 0.08 * rng.standard_normal(months))
    budget = 5000 * rng.lognormal(1.8, 0.3, months)
    date = pd.date_range("2022-01-01", periods=months, freq="MS")
    spend = pd.DataFrame({"date": date, "channel": "a", "amount": follows, "new_customers": won})
    other = spend.assign(amount=budget, new_customers=rng.poisson(budget / 5000), channel="b")
    found = {name: acquisition_cost(part) for name, part in (("follows", spend), ("leads", other))}
    result = {f"spend {name}": holds(each.total, 5000) for name, each in found.items()}
    single = acquisition_cost(other.head(1)).total
    return result if single is None else result | {"one month": holds(single, 5000)}


def new_customers(seed: int, *, customers: int = 400) -> dict[str, bool]:
    """Value of a new customer, CLV/CAC and payback, from models fitted to 39 weeks."""
    base = summarise(simulate_purchases("bg_nbd", customers, np.random.default_rng([seed, customers])))
    rng = np.random.default_rng([6, seed])
    purchases, spend = fit_bg_nbd(base), fit_gamma_gamma(base)
    real = PurchaseModel("bg_nbd", TRUTHS["bg_nbd"], {}, np.eye(4), 0.0, customers, "week")
    cost, kept = 30.0 * np.exp(0.05 * rng.standard_normal()), 0.4 + 0.01 * rng.standard_normal()
    cac = from_standard_error(cost, 0.05 * cost, unit="USD", n=100)
    margin = from_standard_error(kept, 0.01, unit="share", n=100)
    found = payback(cac, purchases, spend, margin=margin, horizon_months=36, draws=200, seed=seed)
    months = np.arange(121)
    bought = np.diff(np.asarray(real.expected_purchases(months * MONTH_WEEKS)), prepend=-1.0)
    mean_spend = SPEND["p"] * SPEND["v"] / (SPEND["q"] - 1)
    curve = 0.4 * mean_spend * np.cumsum(bought * (1 + YEARLY_DISCOUNT) ** (-months / 12))
    result = {"value": holds(found.value, curve[36]), "clv to cac": holds(found.clv_to_cac, curve[36] / 30)}
    if found.months is not None and found.months.low is not None:
        result["months"] = holds(found.months, float(np.interp(30, curve, months)))
    return result


def outlook(seed: int, *, customers: int = 400) -> dict[str, bool]:
    """What two groups of customers, and their open opportunities, went on to bring."""
    base = summarise(simulate_purchases("bg_nbd", customers, np.random.default_rng([seed, customers])))
    rng = np.random.default_rng([7, seed])
    purchases, spend = fit_bg_nbd(base), fit_gamma_gamma(base)
    shown = {"draws": 200, "seed": seed}
    worth = customer_lifetime_value(purchases, spend, base, annual_discount_rate=YEARLY_DISCOUNT, **shown)
    group = np.where(rng.random(customers) < 0.2, "few", "many")
    offers = pd.DataFrame({"customer_id": rng.integers(0, customers, 60), "outcome": None})
    offers["amount"] = rng.gamma(2, 40, 60)
    rate = from_standard_error(0.4 + 0.03 * rng.standard_normal(), 0.03, unit="share", n=200)
    nobody = pd.DataFrame({"customer_id": [], "revenue": []})
    found = value_outlook(
        SimpleNamespace(customers=nobody, months=12), worth, purchases, spend, base,
        pd.DataFrame({"customer_id": np.arange(customers), "segment": group}), by="segment", opportunities=offers,
        win_rate=rate, **shown,
    ).groups.set_index("group")  # fmt: skip
    won = offers["amount"].where(rng.random(60) < 0.4, 0.0).groupby(offers["customer_id"]).sum()
    brought = base["worth"] + base["customer_id"].map(won).fillna(0.0)
    return {
        f"{name} {what}": holds(found.loc[name, what], values[group == name].sum())
        for name in found.index
        for what, values in (("future", base["worth"]), ("potential", brought))
    }


MEASURES = {
    each.__name__: each
    for each in (contribution, bridge, conversion, shrinkage, acquisition, new_customers, outlook)
}  # fmt: skip


def coverage(name: str, *, draws: int, **options) -> pd.Series:
    """Share of draws in which each interval holds the truth."""
    return pd.DataFrame([MEASURES[name](seed, **options) for seed in range(draws)]).astype(float).mean()


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name in sys.argv[2:] or MEASURES:
        shares = coverage(name, draws=draws)
        sys.stdout.write(f"{name}, {draws} draws\n{shares.map('{:.1%}'.format).to_string()}\n")
        sys.stdout.flush()
