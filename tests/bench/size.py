"""How long a hundred million transactions take, in how much memory, beside SQL written by hand.

Run from the repository's root: `python tests/bench/size.py [millions of rows ...]`, by default 1 and 10; `1 10 100` is
the whole of it, and needs 4 GB of disk and some minutes. For each size it writes transactions of a twentieth as many
customers to Parquet, a chunk at a time, and then measures each in a process of its own, three times (once from
above ten millions), with the memory that a run gives a kernel:

- `sql`: customer summary and table of cohorts as DuckDB SQL written by hand, read straight from the file;
- `ours`: the same by `crmlab.aggregate`;
- `checked`: the same through `crmlab.data`, with every row checked against the contract first;
- `spark`, where PySpark and Java are installed: as `checked`, on a Spark of this machine's own, from its start on.

It prints seconds and seconds of the processor (the least of each; the latter tell more where other programs run),
peak memory (of this process: not of Spark's workers, nor their work), and the slope of either over rows on logarithmic
scales: 1 is linear.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
UNTIL = date(2025, 12, 31)
DAYS = 3 * 365
CHUNK = 1_000_000
PER_CUSTOMER = 20
MEMORY_MB = 3_000
BYTES_A_ROW = 25
WAYS = ("sql", "ours", "checked") + (("spark",) if find_spec("pyspark") and shutil.which("java") else ())

SUMMARY = """
WITH daily AS (
    SELECT customer_id, date_trunc('day', date) AS day, count(*) FILTER (amount >= 0) AS n,
        sum(CASE WHEN amount >= 0 THEN amount ELSE 0 END) AS bought,
        sum(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS back
    FROM log GROUP BY ALL)
SELECT customer_id, count(*) FILTER (n > 0) - 1 AS frequency, min(day) FILTER (n > 0) AS first_date,
    max(day) FILTER (n > 0) AS last_date, sum(n) AS purchases, sum(bought) - sum(back) AS revenue, sum(back) AS refunds,
    (sum(bought) - min_by(bought, day) FILTER (n > 0)) / nullif(count(*) FILTER (n > 0) - 1, 0) AS monetary_value
FROM daily GROUP BY customer_id HAVING sum(n) > 0 ORDER BY customer_id
"""
COHORTS = """
WITH monthly AS (
    SELECT customer_id, date_trunc('month', date) AS month, count(*) FILTER (amount >= 0) AS n, sum(amount) AS revenue
    FROM log GROUP BY ALL),
first AS (SELECT customer_id, min(month) AS cohort FROM monthly WHERE n > 0 GROUP BY customer_id)
SELECT cohort, month, count(*) FILTER (n > 0) AS customers, sum(n) AS purchases, sum(revenue) AS revenue
FROM monthly JOIN first USING (customer_id) WHERE month >= cohort GROUP BY ALL ORDER BY cohort, month
"""


def write(path: Path, rows: int) -> None:
    """Transactions in the order of time, as a log has them; one in twenty is a refund."""
    customers = max(rows // PER_CUSTOMER, 1)
    schema = pa.schema([("customer_id", pa.string()), ("date", pa.timestamp("us")), ("amount", pa.float64())])
    first = np.datetime64("2023-01-01")
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for at in range(0, rows, CHUNK):
            rng = np.random.default_rng([7, rows, at])
            n = min(CHUNK, rows - at)
            # a few customers buy much: the share of the squares of uniform numbers
            who = (customers * rng.random(n) ** 2).astype("int64")
            second = np.sort(rng.integers(at * DAYS * 86_400 // rows, (at + n) * DAYS * 86_400 // rows, n))
            amount = (rng.gamma(2, 30, n) * np.where(rng.random(n) < 0.05, -1, 1)).round(2)
            ids = pa.array(np.char.mod("C%08d", who).astype(object), pa.string())
            writer.write_table(
                pa.table(
                    [ids, pa.array(first + second.astype("timedelta64[s]"), pa.timestamp("us")), amount], schema=schema
                )
            )


def run(way: str, path: Path) -> dict:
    """Both tables in one of the ways: what they hold, and what it took."""
    from crmlab import aggregate, data
    from crmlab.params import find_project, load_params

    connection, engine = data.connect(), data
    start, begun = time.perf_counter(), sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    if way == "spark":
        from crmlab import spark as engine

        connection = engine.connect()
    if way in ("checked", "spark"):
        project = find_project(start=path.parent)
        log = engine.open_table(connection, load_params(project, path.stem), "transactions", project)[0]
        opened = time.perf_counter() - start
    else:
        log, opened = connection.read_parquet(str(path)), 0.0
    if way == "sql":
        connection.register("log", log)
        summary, cohorts = connection.sql(SUMMARY).df(), connection.sql(COHORTS).df()
    else:
        summary = aggregate.customer_summary(log, until=UNTIL, time_unit="day")
        cohorts = aggregate.purchase_cohorts(log, until=UNTIL)
    seconds = time.perf_counter() - start
    return {
        "way": way,
        "seconds": seconds,
        "opened": opened,
        "cpu": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - begun,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "customers": len(summary),
        "purchases": int(summary["purchases"].sum()),
        "revenue": float(summary["revenue"].sum()),
        "frequency": int(summary["frequency"].sum()),
        "monetary_value": float(summary["monetary_value"].fillna(0.0).sum()),
        "cohorts": [len(cohorts), int(cohorts["customers"].sum()), float(cohorts["revenue"].sum())],
    }


def measured(way: str, path: Path) -> dict:
    """The same in a process of its own."""
    environment = os.environ | {"CRMLAB_MEMORY_MB": str(MEMORY_MB)}
    command = [sys.executable, __file__, way, str(path)]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def project_of(folder: Path, rows: int) -> Path:
    """A project with a single client, whose transactions are of this size."""
    path = folder / f"rows{rows}.parquet"
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", dirs_exist_ok=True)
    (folder / "params").mkdir(exist_ok=True)
    yaml = f"client: Size\ncurrency: USD\ndata:\n  transactions: {{source: {path.name}}}\n"
    (folder / "params" / f"{path.stem}.yaml").write_text(yaml, encoding="utf-8")
    return path


def compare(folder: Path, rows: int, repeats: int) -> dict[str, dict]:
    if (free := shutil.disk_usage(folder).free) < 3 * BYTES_A_ROW * rows:
        raise SystemExit(f"{rows:,} rows need {3 * BYTES_A_ROW * rows / 1e9:.1f} GB of disk, {free / 1e9:.1f} are free")
    path = project_of(folder, rows)
    start = time.perf_counter()
    write(path, rows)
    print(f"\n{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB, written in {time.perf_counter() - start:.0f} s")
    # in turns, so that whatever else the machine does falls on all
    turns = [[measured(way, path) for way in WAYS] for _turn in range(repeats)]
    best = {way: turns[0][at] for at, way in enumerate(WAYS)}
    for at, way in enumerate(WAYS):
        best[way] |= {name: min(turn[at][name] for turn in turns) for name in ("seconds", "cpu", "opened")}
    for found in best.values():
        for name in ("customers", "purchases", "revenue", "frequency", "monetary_value"):
            assert abs(found[name] - best["sql"][name]) <= 1e-9 * abs(found[name]), (found["way"], name)
        assert np.allclose(found["cohorts"], best["sql"]["cohorts"], rtol=1e-9), found["way"]
        share, work = (found[name] / best["sql"][name] for name in ("seconds", "cpu"))
        print(
            f"  {found['way']:8} {found['seconds']:8.2f} s, {share:5.2f} times sql; processor {found['cpu']:8.2f} s, "
            f"{work:5.2f} times; peak {found['peak_mb']:6,.0f} MB"
            + (f"; reading and checking {found['opened']:.2f} s" if found["opened"] else "")
        )
    path.unlink()
    return best


def main(millions: list[float]) -> None:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in sorted(int(million * 1e6) for million in millions):
            found[rows] = compare(Path(folder), rows, repeats=1 if rows > 10_000_000 else 3)
    if len(found) > 1:
        low, high = min(found), max(found)
        for way in WAYS:
            slopes = [
                np.polyfit(np.log(sorted(found)), np.log([found[rows][way][name] for rows in sorted(found)]), 1)[0]
                for name in ("seconds", "cpu")
            ]
            print(
                f"{way:8} from {low:,} to {high:,} rows, time grows with them to the power of {slopes[0]:.2f}, "
                f"work of the processor of {slopes[1]:.2f}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
    else:
        main([float(value) for value in sys.argv[1:]] or [1, 10])
