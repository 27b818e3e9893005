"""Columns that stand in another file, found by a key that both have: orders beside their lines, say."""

from dataclasses import replace

from crmlab.contract import InputError
from crmlab.reading.opened import Opened
from crmlab.reading.sql import quoted


def joined(connection, main: Opened, other: Opened, on: str, where: str) -> Opened:
    """What was opened, with the further columns of the other file from the row of the same key.

    A row without one keeps those columns empty; a column that both have is the first file's.

    Parameters
    ----------
    on
        The key, as both files call it.
    where
        The join, as errors name it: `params/acme.yaml: data.transactions.join`.

    Raises
    ------
    InputError
        If either lacks the key, or the other has several rows of one.
    """
    here, there = main.find(on), other.find(on)
    for file, key in ((main, here), (other, there)):
        if key is None:
            raise InputError(f"{where}.on: {file.missing(on)}")
    key = other.text(there)
    several = connection.execute(
        f"SELECT {key}, count(*) FROM {other.reader} WHERE {key} <> '' "
        "GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    ).fetchall()
    if several:
        ((value, rows),) = several
        raise InputError(
            f"{where}: {other.name} has {rows:,} rows of {on} {value!r}; what is joined has one row for each {on}: "
            "let the file with several be the source, and join the other to it"
        )
    further = [column for column in other.types if main.find(column) is None]
    # names of our own that no file's header has
    row, by = quoted(f"row of {main.name}, before {other.name} by {on}"), quoted(f"{on} that finds {other.name}")
    columns = "".join(f", {quoted(column)}" for column in further)
    reader = (
        f"(SELECT * EXCLUDE ({by}) FROM (SELECT *, {main.row} AS {row}, {main.text(here)} AS {by} FROM {main.reader}) "
        f"LEFT JOIN (SELECT {key} AS {by}{columns} FROM {other.reader} WHERE {key} <> '') USING ({by}))"
    )
    types = main.types | {column: other.types[column] for column in further}
    return replace(
        main, reader=reader, types=types, row=row, staged=main.staged or other.staged, joined=(*main.joined, other)
    )
