"""How long the effect of a programme takes on a million customers over two years, and how much memory.

Run from the repository's root: `python tests/bench/uplift_speed.py [customers] [rows]`. Transactions are made in
DuckDB, as a client's are read; the time counts from there to the result.
"""

import resource
import sys
import time

import duckdb

from crmlab.aggregate.exposure_months import exposure_months
from crmlab.uplift import programme_effect
from crmlab.uplift.targeting import targeting

UNTIL = "2025-12-31"


def tables(customers: int, rows: int):
    """Transactions over 24 months, and a rollout in three waves over the last of them."""
    connection = duckdb.connect()
    connection.execute("SELECT setseed(0.5)")
    connection.execute(
        f"CREATE TABLE transactions AS SELECT format('C{{:07d}}', (random() * {customers - 1})::INT) AS customer_id, "
        "TIMESTAMP '2024-01-01' + to_days((random() * 730)::INT) AS date, 100 * random() AS amount, "
        f"30 * random() AS margin FROM range({rows})"
    )
    connection.execute(
        "CREATE TABLE exposure AS SELECT format('C{:07d}', i) AS customer_id, wave < 3 AS treated, "
        "CASE wave WHEN 0 THEN DATE '2025-03-01' WHEN 1 THEN DATE '2025-06-01' WHEN 2 THEN DATE '2025-09-01' END "
        f"AS from_date, 1.0 AS cost FROM (SELECT i::INT AS i, (random() * 4)::INT AS wave FROM range({customers}) t(i))"
    )
    return connection.table("transactions"), connection.table("exposure")


def seconds(customers: int, rows: int) -> dict[str, float]:
    """Seconds of each step, by the clock and of all cores, and the peak of memory in MB, DuckDB's own included."""
    transactions, exposure = tables(customers, rows)
    found = {}

    def timed(name, function, *arguments, **options):
        before, busy = time.perf_counter(), time.process_time()
        result = function(*arguments, **options)
        found[name] = time.perf_counter() - before
        found[f"{name}, busy"] = time.process_time() - busy
        return result

    panel = timed("panel", exposure_months, transactions, exposure, until=UNTIL)
    timed("rollout", programme_effect, panel)
    timed("randomised", programme_effect, panel, assignment="random")
    timed("targeting", targeting, panel, assignment="random")
    return found | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 12_000_000
    sys.stdout.write("".join(f"{name}: {value:.1f}\n" for name, value in seconds(customers, rows).items()))
