"""How long a panel of ten million person-periods takes, in how much memory, and what binning does to coefficients.

Run from the repository's root: `python tests/bench/person_periods.py [contracts] [memory limit of DuckDB, MB]`. It
makes contracts from a known monthly hazard with five continuous covariates, and purchases for recency and trend of
spend, and prints for each panel: person-periods, rows after binning, seconds to build and to fit, peak memory of the
process above that at its start, and the coefficients against the truth, in standard errors.
"""

import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import psutil

from crmlab.aggregate.person_periods import person_periods
from crmlab.churn.hazard import fit_hazard

UNTIL = date(2025, 12, 31)
MONTHS = 60
TRUTH = {"satisfaction": -0.6, "response_hours": 0.03, "complaints": 0.35, "delay": 0.1, "capital": -0.2}
TENURE, INTERCEPT = -0.25, -4.6


def write_contracts(folder: Path, n: int, seed: int = 1) -> None:
    """Contracts with a known hazard, and a purchase a month or fewer of each customer while it runs."""
    rng = np.random.default_rng(seed)
    x = {
        "satisfaction": np.clip(rng.normal(0, 0.6, n), -2.6, 1.4),
        "response_hours": rng.lognormal(2, 0.55, n),
        "complaints": rng.lognormal(-0.3, 0.6, n),
        "delay": rng.gamma(2, 1.5, n),
        "capital": rng.normal(0, 1, n),
    }
    fixed = INTERCEPT + sum(TRUTH[name] * values for name, values in x.items())
    began = rng.integers(0, MONTHS - 6, n)
    tenure = np.arange(1, MONTHS + 1)
    last = np.full(n, MONTHS + 1)
    for months in reversed(tenure):
        leaves = rng.random(n) < 1 / (1 + np.exp(-(fixed + TENURE * np.log(months))))
        last[leaves] = months
    first_month = (np.datetime64("2021-01") + began).astype("datetime64[D]")
    ends = (first_month.astype("datetime64[M]") + last).astype("datetime64[D]") - 1
    runs = ends > np.datetime64(UNTIL)
    frame = pd.DataFrame({"customer_id": np.arange(n).astype(str), "start": first_month, "end": ends} | x)
    frame["end"] = frame["end"].mask(runs)
    duckdb.from_df(frame).write_parquet(str(folder / "contracts.parquet"))
    bought = rng.integers(0, n, 5 * n)
    day = first_month[bought] + rng.integers(0, 1800, len(bought)).astype("timedelta64[D]")
    there = day <= np.where(runs, np.datetime64(UNTIL), ends)[bought]
    rows = pd.DataFrame({"customer_id": bought[there].astype(str), "date": day[there]})
    rows["amount"] = rng.lognormal(4, 1, len(rows)).round(2)
    duckdb.from_df(rows).write_parquet(str(folder / "transactions.parquet"))


class PeakMemory:
    """Largest resident size of this process inside the block, above that at its start, in MB."""

    def __enter__(self):
        self._process, self._done = psutil.Process(), threading.Event()
        self._start = self.most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.most = max(self.most, self._process.memory_info().rss)

    def __exit__(self, *_error) -> None:
        self._done.set()
        self._thread.join()
        self.megabytes = (self.most - self._start) / 2**20


def timed(folder: Path, memory_mb: int, *tables: str) -> str:
    """One panel from the files, and the model fitted to it."""
    connection = duckdb.connect(config={"memory_limit": f"{memory_mb}MB", "temp_directory": str(folder)})
    read = {name: connection.read_parquet(str(folder / f"{name}.parquet")) for name in ("contracts", *tables)}
    with PeakMemory() as memory:
        start = time.monotonic()
        panel = person_periods(read.pop("contracts"), until=UNTIL, **read)
        built = time.monotonic() - start
        model = fit_hazard(panel.rows)
        fitted = time.monotonic() - start - built
    known = TRUTH | {"log_tenure_months": TENURE}
    off = {name: (model.coefficient(name) - value) / model.standard_error(name) for name, value in known.items()}
    told = ", ".join(f"{name} {value:+.2f}" for name, value in off.items())
    return (
        f"{panel.person_periods:,} person-periods, {panel.events:,} events, {len(panel.rows):,} rows of {panel.bins} "
        f"bins; built in {built:.1f} s, fitted in {fitted:.1f} s, {memory.megabytes:,.0f} MB; "
        f"off by standard errors: {told}"
    )


if __name__ == "__main__":
    contracts = int(sys.argv[1]) if len(sys.argv) > 1 else 430_000
    memory_mb = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    with tempfile.TemporaryDirectory() as folder:
        write_contracts(Path(folder), contracts)
        for tables in ((), ("transactions",)):
            sys.stdout.write(f"{', '.join(('contracts', *tables))}: {timed(Path(folder), memory_mb, *tables)}\n")
