"""Cells that come typed, one by one, as a table of texts on the engine, in batches: no whole file is held in memory.

A number with a fraction is marked by an exponent (`12.5e0`), so that it has one reading whatever a comma means in the
texts beside it.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from numbers import Number
from typing import Any

from crmlab.reading.opened import MARK, Opened
from crmlab.reading.sql import quoted

BATCH = 20_000
_ROW, _BATCH = "row in the source", "staged_rows"


def stage(
    connection, rows: Iterable[tuple[int, Sequence[Any]]], columns: list[str], *, name: str, table: str
) -> Opened:
    """Write rows, each with its number, into a temporary table of the engine.

    Parameters
    ----------
    name
        As messages call what they come from.
    table
        The engine's table; one that is there is written anew.
    """
    # heavy
    import pyarrow as pa

    others: set[int] = set()
    schema = pa.schema([(column, pa.string()) for column in columns] + [(_ROW, pa.int64())])
    connection.register(_BATCH, schema.empty_table())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS SELECT * FROM {_BATCH}")
    source = iter(rows)
    # batch by batch, not as a stream: what the source raises comes out as it is
    while batch := list(islice(source, BATCH)):
        connection.register(_BATCH, _as_table(batch, schema, others))
        connection.execute(f"INSERT INTO {quoted(table)} SELECT * FROM {_BATCH}")
    connection.unregister(_BATCH)
    types = {column: "VARCHAR" if at in others else "DOUBLE" for at, column in enumerate(columns)}
    return Opened(name, table, quoted(table), types, quoted(_ROW), staged=True)


def _as_table(batch: list[tuple[int, Sequence[Any]]], schema, others: set[int]):
    """A batch as an Arrow table of texts; `others` takes the places of columns that hold anything but numbers."""
    import pyarrow as pa

    numbers, rows = zip(*batch, strict=True)
    parts = []
    for at, cells in enumerate(zip(*rows, strict=True)):
        if at not in others and not all(cell is None or _is_number(cell) for cell in cells):
            others.add(at)
        parts.append(pa.array(_texts(cells), pa.string()))
    return pa.table([*parts, pa.array(numbers, pa.int64())], schema=schema)


def _texts(cells: Sequence[Any]) -> Sequence[str | None]:
    # most columns are of one type, and there are very many cells
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int}:
        return [None if cell is None else str(cell) for cell in cells]
    if kinds == {date}:
        return [None if cell is None else cell.isoformat() for cell in cells]
    return [None if cell is None else text_of(cell) for cell in cells]


def _is_number(cell: Any) -> bool:
    return isinstance(cell, Number) and not isinstance(cell, bool)


def text_of(cell: Any) -> str:
    """A cell as a CSV file would hold it."""
    match cell:
        case str():
            return cell.encode("utf-8", "replace").decode()
        case bool():
            return str(cell).lower()
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else _marked(repr(cell))
        case Decimal():
            return _marked(str(cell))
        case datetime():
            return cell.isoformat(sep=" ")
        case date():
            return cell.isoformat()
        case bytes() | memoryview():
            return bytes(cell).hex()
    return str(cell)


def _marked(number: str) -> str:
    return number + MARK if "." in number and "e" not in number.lower() else number
