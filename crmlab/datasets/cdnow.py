"""CDNOW: every purchase that 23,570 customers of an online music shop made from January 1997 to June 1998.

The log behind Fader, Hardie and Lee (2005), https://www.brucehardie.com/datasets/. All customers bought for the first
time in the first quarter of 1997. A customer may have several rows on one day, and some amounts are zero.
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from crmlab.datasets.files import package, whole

ROWS = 69_659
CUSTOMERS = 23_570
DOLLARS = 2_500_315.63
SCHEMA = pa.schema(
    {
        "customer_id": pa.string(),
        "date": pa.date32(),
        "number_of_cds": pa.int64(),
        "dollar_value": pa.float64(),
    }
)


def cdnow(folder: str | Path) -> None:
    """Write `transactions.parquet`: customer_id, date, number_of_cds, dollar_value, one row per order.

    Raises
    ------
    NotInstalled
        If there is no package lifetimes.
    ValueError
        If rows, customers or dollars differ from the published log.
    """
    # read by path: the package's own reader needs a module that new Pythons lack
    log = _read(package("lifetimes", "lifetimes", example="cdnow") / "datasets" / "CDNOW_master.txt")
    found = (len(log), log["customer_id"].nunique(), round(log["dollar_value"].sum(), 2))
    if found != (ROWS, CUSTOMERS, DOLLARS):
        raise ValueError(f"rows, customers and dollars must be {(ROWS, CUSTOMERS, DOLLARS)}, got {found}")
    with whole(Path(folder) / "transactions.parquet") as path:
        parquet.write_table(pa.Table.from_pydict(log.to_dict("list"), SCHEMA), path)


def _read(path: Path) -> pd.DataFrame:
    log = pd.read_csv(path, sep=r"\s+", dtype={"customer_id": str, "date": str})
    return log.assign(date=pd.to_datetime(log["date"], format="%Y%m%d").dt.date)
