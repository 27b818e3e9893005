"""Parquet files and tables as Spark reads them, with the place of every row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from crmlab.contract import InputError
from crmlab.reading.opened import Opened
from crmlab.reading.stores import CATALOGUE

BATCH, ROW = "batch", "_row"
# a row's number stands beside that of its file in one: no file has more rows
PER_FILE = 1 << 40


@dataclass(frozen=True, eq=False)
class Rows:
    """What Spark reads, as it stands.

    Attributes
    ----------
    frame
        The rows, `_row` among them: the place of each file in `names` times `PER_FILE`, and the row in it, from 1.
    names
        As messages call the files, in order.
    empty
        No row of the same columns.
    whole
        As SQL over `batch`, with the columns of all files.
    kinds
        The same with the columns of each kind of file there is, and how many files are of it.
    """

    frame: DataFrame
    names: Sequence[str]
    empty: pa.Table
    whole: Opened
    kinds: Sequence[tuple[Opened, int]]

    def batch(self) -> duckdb.DuckDBPyConnection:
        """An engine with no row of these columns, to make SQL with."""
        connection = duckdb.connect()
        connection.register(BATCH, self.empty)
        return connection


def read_remote(session: SparkSession, source: str) -> Rows:
    """Parquet in a store that Spark reaches, or a table of its catalogue, whose rows have no number.

    Raises
    ------
    InputError
        If Spark cannot read it.
    """
    name = source.split("://", 1)[1]
    try:
        if source.startswith(CATALOGUE):
            frame = session.table(name).withColumn(ROW, F.lit(0).cast("bigint"))
        else:
            read = session.read.option("mergeSchema", "true").parquet(source)
            frame = read.withColumn(ROW, F.col("_metadata.row_index") + 1)
        return _rows(frame, [name], ())
    except PySparkException as error:
        raise InputError(f"{name}: cannot be read by Spark: {_first_line(error)}") from error


def read_parquet(session: SparkSession, files: Sequence[Path], names: Sequence[str]) -> Rows:
    """Parquet files on disks that this machine and Spark's workers see.

    Raises
    ------
    InputError
        If one of them is no Parquet file, or Spark cannot read them.
    """
    schemas = [_schema(path, name) for path, name in zip(files, names, strict=True)]
    moments = {field.name: field.type for schema in schemas for field in schema if pa.types.is_timestamp(field.type)}
    fine = {name: kind for name, kind in moments.items() if kind.unit == "ns"}
    # Spark knows moments down to microseconds
    session.conf.set("spark.sql.legacy.parquet.nanosAsLong", str(bool(fine)).lower())
    at = F.lit(0)
    for order, path in enumerate(files[1:], 1):
        at = F.when(_path() == str(path), order).otherwise(at)
    # Spark takes a path for a pattern
    paths = ["file://" + re.sub(r"([][{}*?\\])", r"\\\1", str(path)) for path in files]
    try:
        for path in paths:
            # what was kept of a file that was written anew
            session.catalog.refreshByPath(path)
        frame = session.read.option("mergeSchema", "true").parquet(*paths)
        frame = frame.withColumn(ROW, at.cast("bigint") * PER_FILE + F.col("_metadata.row_index") + 1)
        for name, kind in fine.items():
            moment = F.timestamp_micros(F.expr(f"({column(name)} - pmod({column(name)}, 1000)) div 1000"))
            frame = frame.withColumn(name, moment if kind.tz else moment.cast("timestamp_ntz"))
        return _rows(frame, names, schemas)
    except PySparkException as error:
        raise InputError(f"{', '.join(names)}: cannot be read by Spark: {_first_line(error)}") from error


def _path() -> Column:
    """The path of a row's file, which Spark gives as an address with signs for what is none in one."""
    address = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    return F.regexp_replace(address, "^file:/+", "/")


def _schema(path: Path, name: str) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{name}: cannot be read as Parquet: {_first_line(error)}") from error


def _rows(frame: DataFrame, names: Sequence[str], schemas: Sequence[pa.Schema]) -> Rows:
    empty = frame.limit(0).toArrow()
    with duckdb.connect() as connection:
        connection.register(BATCH, empty)
        described = connection.execute(f"DESCRIBE {BATCH}").fetchall()
    types = {name: kind for name, kind, *_rest in described if name != ROW}
    called = ", ".join(names)
    kinds: dict[tuple[str, ...], list[str]] = {}
    for name, schema in zip(names, schemas, strict=False):
        kinds.setdefault(tuple(schema.names), []).append(name)
    parts = [
        (Opened(alike[0], alike[0], BATCH, {n: t for n, t in types.items() if n in columns}, ROW), len(alike))
        for columns, alike in kinds.items()
    ]
    return Rows(frame, names, empty, Opened(called, called, BATCH, types, ROW), parts)


def column(name: str) -> str:
    """A column's name as Spark takes it, whatever signs it has."""
    return "`" + name.replace("`", "``") + "`"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
