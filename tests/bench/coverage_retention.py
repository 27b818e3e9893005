"""How often the 95% intervals of retention, lifetimes and projections hold the truth.

Run from the repository's root: `python tests/bench/coverage_retention.py [draws] [measure ...]`. Each draw makes
customers whose contracts can end every month, with chances to leave of their own that also change with age (BdW), and
compares the intervals with what is true of such customers, or with what the same ones went on to do. An interval passes
between 93% and 97% over 400 draws.
"""

import sys
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd

from crmlab.churn.cohorts import cohort_retention
from crmlab.churn.kaplan_meier import kaplan_meier
from crmlab.churn.projection import projection_check
from crmlab.churn.retention import contract_retention
from crmlab.churn.silence import purchase_retention, still_active
from crmlab.churn.survival import lifetimes
from crmlab.clv import fit_bg_nbd

TRUTH = {"alpha": 1.0, "beta": 30.0, "c": 1.0}
MONTHS = 48
RATES = {"alpha": 3.0, "beta": 4.0}


def age_counts(months, ended, *, entered=None) -> pd.DataFrame:
    """Counts by age from one number per customer, as `crmlab.aggregate.contract_ages` makes them from contracts."""
    months, ended = np.asarray(months, dtype=float), np.asarray(ended, dtype=bool)
    entered = np.zeros(len(months)) if entered is None else np.asarray(entered, dtype=float)
    ages = np.unique(np.concatenate([entered, months]))
    parts = {"entered": entered, "ended": months[ended], "censored": months[~ended]}
    counts = {name: np.bincount(np.searchsorted(ages, part), minlength=len(ages)) for name, part in parts.items()}
    return pd.DataFrame({"months": ages} | counts)


def holds(estimate, truth: float) -> bool:
    """Whether an interval holds the truth."""
    return estimate.low <= truth <= estimate.high


def lives(rng: np.random.Generator, customers: int, *, alpha: float, beta: float, c: float) -> np.ndarray:
    """Months that customers stay: all T with a chance of S(T) = (1 - theta) ** (T ** c) to outlast them."""
    theta = rng.beta(alpha, beta, customers)
    return np.ceil((rng.standard_exponential(customers) / -np.log1p(-theta)) ** (1 / c)).clip(1, 10_000).astype(int)


def base(rng: np.random.Generator, customers: int, *, observed_months: int | None = None, **truth):
    """Customers who came over `MONTHS` months, as `contract_months` counts them, and when each of them leaves."""
    start = rng.integers(1 - MONTHS, 1, customers)
    end = start + lives(rng, customers, **(TRUTH | truth))
    value = rng.lognormal(0, 1, customers)
    known = np.ones(customers, dtype=bool) if observed_months is None else end > -observed_months
    rows = pd.DataFrame({"group": None, "cohort": start, "start": start, "end": np.where(end <= 0, end, np.nan)})
    rows = rows.assign(relationships=1, value=value, value_squared=value**2)[known].reset_index(drop=True)
    first = None if observed_months is None else -observed_months
    return SimpleNamespace(
        rows=rows, by=None, first_complete=first, observed_from=date(2020, 1, 1),
        last_day=lambda month: (pd.Timestamp(2024, 12, 31) + pd.offsets.MonthEnd(month)).date(),
    )  # fmt: skip


def survival(months: np.ndarray, *, alpha: float, beta: float, c: float) -> np.ndarray:
    from crmlab.churn.bdw import log_survival

    return np.exp(log_survival([alpha, beta, c], months))


def retention(seed: int, *, customers: int = 400) -> dict[str, bool]:
    """Who stays for a year and for a month, by number, value and cohort."""
    months = base(np.random.default_rng([1, seed]), customers)
    found = contract_retention(months)
    ages = np.arange(MONTHS - 12)
    there = survival(ages, **TRUTH)
    year = float(survival(ages + 12, **TRUTH).sum() / there.sum())
    # in the last year, customers of each age are those who came within the last four, and still stay
    began = [survival(np.arange(MONTHS - back), **TRUTH).sum() for back in range(1, 13)]
    lost = sum(1 - survival(np.arange(1, MONTHS - back + 1), **TRUTH)[-1] for back in range(1, 13))
    triangle = cohort_retention(months, length_months=12)
    at = triangle.triangle[triangle.triangle["age"] == 12].iloc[0]
    return {
        "year": holds(found.rate, year),
        "churn": holds(found.churn, 1 - year),
        "month": holds(found.monthly_churn, lost / sum(began)),
        "value": holds(found.value_rate, year),
        "cohort": holds(at["share"], float(survival(12, **TRUTH))),
    }


def silence(seed: int, *, customers: int = 60) -> dict[str, bool]:
    """Who of a few active customers buys again."""
    rng = np.random.default_rng([2, seed])
    again = rng.beta(RATES["alpha"], RATES["beta"], customers)
    day = pd.Timestamp("2024-06-30")
    rows = pd.DataFrame({"last_day": [day], "judged_on": [day], "group": [None], "active": [customers]})
    rows["returned"] = int((rng.random(customers) < again).sum())
    found = purchase_retention(SimpleNamespace(rows=rows, horizon_months=6, window_months=6, by=None))
    return {"bought again": holds(found.rate, RATES["alpha"] / sum(RATES.values()))}


def lifetime(seed: int, *, customers: int = 200, late: float = 0.0) -> dict[str, bool]:
    """Median, mean and band of a Weibull lifetime that is seen for two to three years, by some from a later age on."""
    rng = np.random.default_rng([3, seed])
    shape, scale = 1.2, 20.0
    life = scale * rng.weibull(shape, customers)
    seen = rng.uniform(24, 36, customers)
    entered = np.where(rng.random(customers) < late, rng.uniform(0, 12, customers), 0.0)
    kept = np.minimum(life, seen) > entered
    life, seen, entered = life[kept], seen[kept], entered[kept]
    curve = kaplan_meier(age_counts(np.minimum(life, seen), life <= seen, entered=entered))
    ages = np.linspace(0, 24, 2401)
    true = np.exp(-((ages / scale) ** shape))
    found = {"mean": holds(curve.restricted_mean(24), float(np.trapezoid(true, ages)))}
    found |= {f"share at {at}": holds(curve.share(at), float(true[100 * at])) for at in (3, 12)}
    median = curve.median()
    if median is not None and median.low is not None:
        found["median"] = holds(median, scale * np.log(2) ** (1 / shape))
    return {f"{name}{' late' if late else ''}": value for name, value in found.items()}


def late_lifetime(seed: int) -> dict[str, bool]:
    """The same with half of the customers under observation from a later age on."""
    return lifetime(seed, customers=400, late=0.5)


def comparison(seed: int, *, customers: int = 300, groups: int = 5) -> dict[str, bool]:
    """Groups that leave alike, of which none is to be called different."""
    rng = np.random.default_rng([5, seed])
    life, seen = np.ceil(rng.exponential(15, customers)), rng.uniform(6, 36, customers)
    name = rng.integers(0, groups, customers).astype(str)
    parts = [
        age_counts(np.minimum(life, seen)[name == each], (life <= seen)[name == each]).assign(group=each)
        for each in np.unique(name)
    ]
    found = lifetimes(pd.concat(parts), by="group")
    return {"all at once": found.p_value >= 0.05, "each, by Holm": bool((found.groups["p_value"] >= 0.05).all())}


def activity(seed: int, *, customers: int = 500, weeks: float = 52.0) -> dict[str, bool]:
    """How many of BG/NBD's customers have not left for good."""
    rng = np.random.default_rng([6, seed])
    rate, leaves = rng.gamma(1.3, 1 / 6.0, customers), rng.beta(0.8, 4.0, customers)
    span = rng.uniform(26, weeks, customers)
    bought, last, now = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    alive = here = np.ones(customers, dtype=bool)
    while here.any():
        now = now + rng.exponential(size=customers) / np.maximum(rate, 1e-300)
        here = here & (now <= span)
        bought, last = bought + here, np.where(here, now, last)
        gone = here & (rng.random(customers) < leaves)
        alive, here = alive & ~gone, here & ~gone
    base = pd.DataFrame({"customer_id": np.arange(customers), "frequency": bought, "recency": last, "T": span})
    found = still_active(fit_bg_nbd(base), base, draws=200, seed=seed)
    return {"still active": holds(found.share, alive.mean())}


def projection(seed: int, *, customers: int = 600, c: float = 1.0, **options) -> dict[str, bool]:
    """Who of the customers a year ago went on to stay, under the model taken and under each."""
    months = base(np.random.default_rng([4, seed]), customers, c=c, **options)
    found = projection_check(months, draws=200, seed=seed)
    last = found.path.iloc[-1]
    name = f"c = {c:g}{' late' if options else ''}"
    result = {f"{name}, best": found.holds}
    for model in found.models:
        result[f"{name}, {model}"] = bool(last[f"{model}_low"] <= last["actual"] <= last[f"{model}_high"])
    return result


def falling_projection(seed: int) -> dict[str, bool]:
    """The same where a customer's own chance to leave falls with age."""
    return projection(seed, c=0.7)


def rising_projection(seed: int) -> dict[str, bool]:
    """The same where it rises."""
    return projection(seed, c=1.4)


def late_projection(seed: int) -> dict[str, bool]:
    """The same with contracts on record for the last two years alone."""
    return projection(seed, observed_months=24)


MEASURES = {
    each.__name__: each
    for each in (
        retention, silence, activity, lifetime, late_lifetime, comparison, projection, falling_projection,
        rising_projection, late_projection,
    )
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
