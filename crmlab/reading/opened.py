"""A file or the result of a query, opened: SQL that reads it, and what its columns hold."""

from dataclasses import dataclass
from pathlib import Path

from crmlab.contract import InputError, suggestion
from crmlab.reading.sql import one_file, quoted, replaced, trimmed

MARK = "e0"


@dataclass(frozen=True)
class Opened:
    """What was opened.

    Attributes
    ----------
    name
        As messages and reports call it.
    path
        As the engine's record of malformed lines calls it.
    reader
        SQL of its rows, with its own names.
    types
        By column: its type on the engine, or what all its texts are (`DOUBLE`).
    row
        SQL of a row's number in it, the header's being 1.
    staged
        Whether its cells became texts on the engine, numbers among them marked.
    joined
        Other files whose columns it has.
    """

    name: str
    path: str
    reader: str
    types: dict[str, str]
    row: str
    staged: bool = False
    joined: tuple["Opened", ...] = ()

    def find(self, wanted: str) -> str | None:
        """Its column of this name, blanks around it and case aside."""
        folded = {column.strip().lower(): column for column in self.types}
        return folded.get(wanted.strip().lower())

    def missing(self, wanted: str) -> str:
        """The end of a message that a column is missing."""
        return f"{self.name} has no column {wanted}{suggestion(wanted, [name.strip() for name in self.types])}"

    def source(self, column: str) -> str:
        """SQL of a column in its own type."""
        own = self.staged and self.types[column] != "VARCHAR"
        return f"TRY_CAST({quoted(column)} AS {self.types[column]})" if own else quoted(column)

    def raw(self, column: str) -> str:
        """SQL of a column's text as it stands there."""
        text = f"CAST({quoted(column)} AS VARCHAR)"
        return replaced(text, rf"^(-?[0-9]+\.[0-9]+){MARK}$", r"\1") if self.staged else text

    def text(self, column: str) -> str:
        """SQL of a column's text without blanks around it."""
        return trimmed(f"CAST({quoted(column)} AS VARCHAR)")


def check_header(header: list[str], name: str) -> list[str]:
    """The names that a header gives; one without a name is called by its place.

    Raises
    ------
    InputError
        If a name stands there twice.
    """
    columns = [column if column.strip() else f"unnamed {place}" for place, column in enumerate(header, 1)]
    folded = [column.strip().lower() for column in columns]
    if repeated := [column for place, column in enumerate(columns) if folded[place] in folded[:place]]:
        raise InputError(f"{name}: the header names {repeated[0].strip()} twice; rename one of the columns")
    return columns


def open_parquet(connection, path: Path, name: str) -> Opened:
    """A Parquet file, its columns in their own types.

    Raises
    ------
    InputError
        If it cannot be read as Parquet.
    """
    # heavy, and this module is read by whatever reads a client's file
    import duckdb

    reader = f"read_parquet({one_file(path)}, file_row_number = true)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {reader}").fetchall()
    except duckdb.Error as error:
        said = str(error).splitlines()[0].replace(str(path), name)
        raise InputError(f"{name}: cannot be read as Parquet: {said}") from error
    return Opened(name, str(path), reader, {row[0]: row[1] for row in described}, "file_row_number + 1")
