"""Speed and memory of the value analysis against lifetimes 0.11.3, measured side by side in one run.

Run from the repository's root: `python tests/bench/against_lifetimes.py [customers]` (a million unless given, with six
transactions each). Every pair must give equal results before its ratio counts:

1. the customer summary from Parquet, against lifetimes' from a frame, and against SQL written by hand for DuckDB;
2. the fits of BG/NBD and Pareto/NBD, against lifetimes' default fits: the log-likelihood may be lower by 1e-6 at most;
3. twelve months' lifetime value, against lifetimes' `customer_lifetime_value`;
4. on CDNOW's master log, lifetime value with its interval from 200 simulated futures, in seconds;
5. the most memory that summary, fit and value took.
"""

import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from crmlab import aggregate, clv, datasets
from crmlab.purchase_laws import LAWS, Histories, log_likelihood

DAYS = 330
START = np.datetime64("2024-01-01")
END = str(START + np.timedelta64(DAYS, "D"))
TRUTH = {"r": 1.3, "alpha": 6.0, "a": 0.8, "b": 10.0}
HAND_WRITTEN = """
    with daily as (
        select customer_id, cast(date as date) as day, sum(amount) as amount from '{path}' group by all),
    marked as (select *, min(day) over (partition by customer_id) as first from daily)
    select customer_id, count(*) - 1 as frequency, (max(day) - min(day)) / 7.0 as recency,
           (date '{end}' - min(day)) / 7.0 as "T",
           coalesce(avg(amount) filter (day > first), 0) as monetary_value
    from marked group by customer_id order by customer_id
"""


def simulate(customers: int, path: Path) -> None:
    """A transaction log in Parquet, by BG/NBD, over eleven months."""
    rng = np.random.default_rng(1)
    rate = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], customers) / 7
    quits = rng.beta(TRUTH["a"], TRUTH["b"], customers)
    active, now = np.arange(customers), rng.uniform(0, 180, customers)
    who, when = [active], [now]
    while len(active):
        now = now + rng.exponential(size=len(active)) / np.maximum(rate[active], 1e-300)
        active, now = active[now < DAYS], now[now < DAYS]
        who.append(active)
        when.append(now)
        stays = rng.random(len(active)) >= quits[active]
        active, now = active[stays], now[stays]
    log = pd.DataFrame({"customer_id": np.concatenate(who), "day": np.concatenate(when)})
    spend = rng.gamma(4.0, 5.0, customers)
    log["amount"] = (spend[log["customer_id"]] * rng.gamma(6.0, 1 / 6, len(log))).round(2) + 1
    log["date"] = START + log.pop("day").astype(int).to_numpy().astype("timedelta64[D]")
    log["customer_id"] = "C" + log["customer_id"].astype(str).str.zfill(8)
    log.sample(frac=1, random_state=1)[["customer_id", "date", "amount"]].to_parquet(path, index=False)


def timed(function, *args, **options):
    begun = time.monotonic()
    result = function(*args, **options)
    return result, time.monotonic() - begun


def told(what: str, ours: float, theirs: float, wanted: float) -> None:
    verdict = "holds" if theirs / ours >= wanted else "DOES NOT HOLD"
    sys.stdout.write(
        f"{what}: {ours:.2f} s against {theirs:.2f} s, {theirs / ours:.1f} times ({wanted:g}: {verdict})\n"
    )
    sys.stdout.flush()


def summaries(path: Path) -> pd.DataFrame:
    import lifetimes

    def ours():
        with duckdb.connect() as connection:
            return aggregate.customer_summary(connection.read_parquet(str(path)), until=END)

    def by_hand():
        with duckdb.connect() as connection:
            return connection.sql(HAND_WRITTEN.format(path=path, end=END)).df()

    log = pd.read_parquet(path)
    (mine, seconds), (hand, seconds_hand) = timed(ours), timed(by_hand)
    theirs, seconds_theirs = timed(
        lifetimes.utils.summary_data_from_transaction_data,
        log, "customer_id", "date", "amount", observation_period_end=END, freq="D", freq_multiplier=7,
    )  # fmt: skip
    theirs = theirs.sort_index().reset_index()
    for name in ("frequency", "recency", "T", "monetary_value"):
        np.testing.assert_allclose(mine[name], theirs[name], atol=1e-5)
        np.testing.assert_allclose(mine[name], hand[name].astype(float), atol=1e-5)
    told(f"summary of {len(log):,} rows", seconds, seconds_theirs, 6)
    told("  the same against SQL by hand", seconds, seconds_hand, 1 / 1.5)
    return mine


def fits(customers: pd.DataFrame):
    import lifetimes

    pairs = {"bg_nbd": lifetimes.BetaGeoFitter, "pareto_nbd": lifetimes.ParetoNBDFitter}
    fitted = {}
    for name, fitter in pairs.items():
        # lifetimes' Pareto/NBD would take a quarter of an hour over a million
        customers = customers.head(20_000) if name == "pareto_nbd" else customers
        histories = Histories.among(*(customers[each].to_numpy(float) for each in ("frequency", "recency", "T")))
        np.random.seed(1)  # lifetimes' Pareto/NBD starts at random
        theirs, seconds_theirs = timed(fitter().fit, customers["frequency"], customers["recency"], customers["T"])
        fitted[name], seconds = timed(getattr(clv, f"fit_{name}"), customers)
        values = tuple(theirs.params_[list(LAWS[name].names)])
        reached = float(log_likelihood(LAWS[name], values, histories)[histories.of].sum())
        gain = fitted[name].log_likelihood - reached
        assert gain >= -1e-6 * abs(reached), f"{name}: log-likelihood lower by {-gain}"
        told(f"{fitted[name].title}, {len(customers):,} customers", seconds, seconds_theirs, 10)
        sys.stdout.write(f"  log-likelihood {fitted[name].log_likelihood:.2f}, higher than theirs by {gain:.2g}\n")
    return fitted["bg_nbd"]


def values(purchases, customers: pd.DataFrame) -> None:
    spend = clv.fit_gamma_gamma(customers)
    options = {"horizon_months": 12, "annual_discount_rate": 0.1}
    mine, with_intervals = timed(clv.customer_lifetime_value, purchases, spend, customers, **options)
    expected, seconds = timed(clv.expected_lifetime_value, purchases, spend, customers, **options)
    theirs, seconds_theirs = timed(
        spend.lifetimes.customer_lifetime_value,
        purchases.lifetimes, customers["frequency"], customers["recency"], customers["T"], customers["monetary_value"],
        time=12, discount_rate=1.1 ** (1 / 12) - 1, freq="W",
    )  # fmt: skip
    np.testing.assert_allclose(expected["clv"], theirs, rtol=1e-4)
    np.testing.assert_allclose(mine.customers["clv"], theirs, rtol=1e-4)
    told(f"12 months' value of {len(customers):,} customers", seconds, seconds_theirs, 20)
    sys.stdout.write(f"  with intervals from 200 simulated futures {with_intervals:.1f} s\n")


def cdnow(folder: Path) -> None:
    datasets.write("cdnow", folder)
    log = pd.read_parquet(folder / "transactions.parquet").rename(columns={"dollar_value": "amount"})
    customers = aggregate.customer_summary(log, until="1998-06-30")

    def value():
        return clv.customer_lifetime_value(clv.fit_bg_nbd(customers), clv.fit_gamma_gamma(customers), customers)

    found, seconds = timed(value)
    verdict = "holds" if seconds < 15 else "DOES NOT HOLD"
    sys.stdout.write(f"CDNOW with fits and 200 futures: {found.total}, {seconds:.1f} s (15: {verdict})\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        cdnow(Path(name) / "cdnow")
        simulate(number, Path(name) / "log.parquet")
        summary = summaries(Path(name) / "log.parquet")
        values(fits(summary), summary)
    sys.stdout.write(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB\n")
