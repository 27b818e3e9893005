"""Files written anew without the rows of one customer.

A new file is made beside the old and takes its place in one step, so that a file is whole at any moment.
"""

import shutil
from pathlib import Path

from crmlab.contract import InputError
from crmlab.removal.csv_files import rewrite_csv
from crmlab.removal.parquet_files import rewrite_parquet
from crmlab.removal.rows import KEY, Removal, Wanted
from crmlab.removal.workbooks import rewrite_workbook

__all__ = ["KEY", "Removal", "Wanted", "without"]


def without(
    path: Path, wanted: Wanted, *, header: int = 1, delimiter: str | None = None, encoding: str | None = None
) -> Removal:
    """A new file without the customer's rows, not yet in the place of the old.

    Parameters
    ----------
    header
        The row of a CSV file that names the columns.
    delimiter, encoding
        Of a CSV file, where they are stated.

    Raises
    ------
    InputError
        If it is of a kind that cannot be rewritten row by row.
    """
    path = path.resolve()  # a link stays one
    removal = Removal(path, path.with_name(f".{path.name}.erasing"))
    name = path.name.lower()
    removal.new.unlink(missing_ok=True)
    removal.new.touch(mode=0o600)  # nobody else may read it before it is as open as the old
    try:
        if name.endswith((".csv", ".csv.gz")):
            rewrite_csv(removal, wanted, header, delimiter, encoding)
        elif name.endswith(".parquet"):
            rewrite_parquet(removal, wanted)
        elif name.endswith(".xlsx"):
            rewrite_workbook(removal, wanted, header)
        else:
            raise InputError(f"{path.name}: rows can be taken out of CSV, Parquet and .xlsx files only")
    except BaseException:
        removal.new.unlink(missing_ok=True)
        raise
    shutil.copymode(path, removal.new)
    return removal
