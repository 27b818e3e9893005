"""How often the 95% intervals of retained revenue and debt-service cover hold what then came.

Run from the repository's root: `python tests/bench/coverage_retained_revenue.py [draws] [measure ...]`. Each draw makes
customers from known parameters, projects what they will pay from what is known today, and compares the intervals with
what the same customers went on to pay. An interval passes between 93% and 97% over 400 draws.
"""

import sys
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd

from crmlab.churn.projection import retention_projection
from crmlab.clv import fit_bg_nbd, fit_gamma_gamma
from crmlab.diagnosis.debt_service import debt_service
from crmlab.diagnosis.loan import Loan
from crmlab.diagnosis.retained_revenue import RetainedRevenue, retained_revenue
from crmlab.diagnosis.revenue_sources import contract_revenue, purchase_revenue
from tests.bench.coverage_clv import CALIBRATION_WEEKS, MONTH_WEEKS, simulate_purchases, summarise
from tests.bench.coverage_retention import MONTHS, TRUTH, lives


def contracts_of(rng: np.random.Generator, customers: int, months: int):
    """Contracts as `contract_revenue` takes them, how their model is fitted, and what they went on to pay."""
    start = rng.integers(1 - MONTHS, 1, customers)
    end = start + lives(rng, customers, **TRUTH)
    value = rng.lognormal(8, 1, customers)
    rows = pd.DataFrame({"group": None, "cohort": start, "start": start, "end": np.where(end <= 0, end, np.nan)})
    book = SimpleNamespace(
        rows=rows.assign(relationships=1), by=None, first_complete=None, observed_from=None,
        last_day=lambda month: (pd.Timestamp(date(2024, 12, 31)) + pd.offsets.MonthEnd(month)).date(),
    )  # fmt: skip
    runs = end > 0
    here = pd.DataFrame({"customer_id": np.flatnonzero(runs), "tenure_months": 1 - start[runs], "value": value[runs]})
    paid = value[runs] / 12 @ (end[runs][:, None] > np.arange(1, months + 1))
    return here, book, paid


def purchases_of(rng: np.random.Generator, customers: int, months: int):
    """Customers as `purchase_revenue` takes them, and what they went on to buy."""
    log = simulate_purchases("bg_nbd", customers, rng)
    place = ((log["week"] - CALIBRATION_WEEKS) // MONTH_WEEKS).astype(int)
    ahead = (log["week"] > CALIBRATION_WEEKS) & (place < months)
    return summarise(log), np.bincount(place[ahead], log["amount"][ahead], months)


def held(found: RetainedRevenue, came: np.ndarray) -> dict[str, bool]:
    """Which intervals hold what came: by month, over the term, and of the cover of a loan."""
    path, months = found.path, found.months
    result = {
        f"month {month}": bool(path["low"][month - 1] <= came[month - 1] <= path["high"][month - 1])
        for month in (1, 12, 36)
        if month <= months
    }
    loan = Loan(term_months=months, margin=0.4, fixed_costs_a_year=0.1 * came.sum())
    amount = 0.2 * found.total.value
    service = debt_service(found, loan, amount, stresses=())
    cover, life = loan.cover(came, amount).min(), loan.life_cover(came, amount)
    result["total"] = found.total.low <= came.sum() <= found.total.high
    result["least cover"] = service.least.low <= cover <= service.least.high
    result["life cover"] = service.life_cover.low <= life <= service.life_cover.high
    if months >= 24:
        ratio = came[12:24].sum() / came[:12].sum()
        result["second year"] = found.second_year.low <= ratio <= found.second_year.high
    return result


def contracts(seed: int, *, customers: int = 400, months: int = 36, futures: int = 400) -> dict[str, bool]:
    """Customers under contract alone."""
    here, book, paid = contracts_of(np.random.default_rng([1, seed]), customers, months)
    fitted = retention_projection(book, draws=40)
    source = contract_revenue(here, fitted.models[fitted.best], months=months, draws=futures, seed=seed)
    return held(retained_revenue(source, currency="EUR", months=months), paid)


def purchases(seed: int, *, customers: int = 400, months: int = 12, futures: int = 400) -> dict[str, bool]:
    """Customers who buy when they like alone."""
    history, bought = purchases_of(np.random.default_rng([2, seed]), customers, months)
    return held(retained_revenue(_bought(history, months, futures, seed), currency="EUR", months=months), bought)


def both(seed: int, *, customers: int = 400, months: int = 12, futures: int = 400) -> dict[str, bool]:
    """The sum of the two."""
    rng = np.random.default_rng([3, seed])
    here, book, paid = contracts_of(rng, customers, months)
    history, bought = purchases_of(rng, customers, months)
    # purchases come from another sort of customers, on the scale of the contracts
    scale = paid.sum() / bought.sum()
    history["monetary_value"] *= scale
    fitted = retention_projection(book, draws=40)
    source = contract_revenue(here, fitted.models[fitted.best], months=months, draws=futures, seed=seed)
    found = retained_revenue(source, _bought(history, months, futures, seed), currency="EUR", months=months)
    return held(found, paid + scale * bought)


def _bought(history: pd.DataFrame, months: int, futures: int, seed: int):
    return purchase_revenue(
        history, fit_bg_nbd(history), fit_gamma_gamma(history), months=months, draws=futures, seed=seed
    )


MEASURES = {each.__name__: each for each in (contracts, purchases, both)}


def coverage(name: str, *, draws: int, **options) -> pd.Series:
    """Share of draws in which each interval holds what came."""
    return pd.DataFrame([MEASURES[name](seed, **options) for seed in range(draws)]).astype(float).mean()


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name in sys.argv[2:] or MEASURES:
        shares = coverage(name, draws=draws)
        sys.stdout.write(f"{name}, {draws} draws\n{shares.map('{:.1%}'.format).to_string()}\n")
        sys.stdout.flush()
