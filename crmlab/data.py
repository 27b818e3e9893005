"""Opens a client's tables on an engine and checks every row against the contract. The only reader.

A file is read once: each column is cast to the contract's type, each row is given the first rule it breaks, and what
is left is a DuckDB table of accepted rows. Nothing is dropped in silence: `Quality` counts what was rejected, by
reason, with the first rows of each.
"""

import csv
import gzip
import os
import tempfile
import zlib
from pathlib import Path

import duckdb

from crmlab.checks import REPEATED, Rule, literal, quoted, row_rules, trimmed, typed
from crmlab.contract import TABLES, InputError, Table, suggestion
from crmlab.params import Params, Project
from crmlab.quality import Quality, judge, measure
from crmlab.sources import file_format, shown_name, source_files


def connect() -> duckdb.DuckDBPyConnection:
    """An embedded engine that spills to the system's folder for temporary files and never fetches an extension.

    Under a run it keeps to the memory that the run gives each kernel (`CRMLAB_MEMORY_MB`); by itself DuckDB would take
    four fifths of the machine, in every kernel.
    """
    config = {"temp_directory": tempfile.gettempdir(), "autoinstall_known_extensions": "false"}
    if memory_mb := os.environ.get("CRMLAB_MEMORY_MB"):
        config["memory_limit"] = f"{memory_mb}MB"
    return duckdb.connect(config=config)


def open_table(
    connection: duckdb.DuckDBPyConnection, params: Params, table: str, project: Project
) -> tuple[duckdb.DuckDBPyRelation, Quality]:
    """Read a client's table, check each row, and leave the accepted ones on the engine.

    Returns
    -------
    relation, quality
        The accepted rows, with the contract's names and types (dates are timestamps in the client's time zone).

    Raises
    ------
    InputError
        If a file is missing or unreadable, a column is missing, there are no rows, or more than
        `max_rejected` of them break the contract.
    """
    files = source_files(params, table, project)
    names = {str(path): shown_name(path, project) for path in files}
    contract = TABLES[table]
    selects = [
        _select(connection, path, contract, params, table, names[str(path)], order) for order, path in enumerate(files)
    ]
    columns = list(dict.fromkeys(name for _, present in selects for name in present))
    rules = row_rules(contract, columns)
    body = " UNION ALL BY NAME ".join(select for select, _ in selects)
    rule = "CASE " + " ".join(f"WHEN {rule.broken} THEN {i}" for i, rule in enumerate(rules)) + " END"
    value = "CASE _rule " + " ".join(f"WHEN {i} THEN {rule.value}" for i, rule in enumerate(rules)) + " END"
    checked = f"SELECT *, {rule} AS _rule FROM ({body})"
    if contract.unique:
        keys = ", ".join(map(quoted, contract.unique))
        rules.append(Rule(", ".join(contract.unique), REPEATED, "", ""))
        repeated = f"row_number() OVER (PARTITION BY {keys}, _rule IS NULL ORDER BY _file, _row) > 1"
        checked = (
            f"SELECT * REPLACE (CASE WHEN _rule IS NULL AND {repeated} THEN {len(rules) - 1} ELSE _rule END AS _rule) "
            f"FROM ({checked})"
        )
        key_text = " || ', ' || ".join(f"CAST({quoted(key)} AS VARCHAR)" for key in contract.unique)
        value = value.removesuffix(" END") + f" WHEN {len(rules) - 1} THEN {key_text} END"
    kept = ", ".join(map(quoted, columns))
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {quoted('checked ' + table)} AS "
            f"SELECT {kept}, _file, _row, _rule, {value} AS _value FROM ({checked})"
        )
    except duckdb.Error as error:
        shown = ", ".join(names.values())
        raise InputError(f"{shown}: cannot be read: {str(error).splitlines()[0]}") from error
    _type_covariates(connection, contract, columns)
    quality = measure(connection, table, list(names.values()), rules)
    judge(quality, params.max_rejected, params.file)
    relation = connection.sql(f"SELECT {kept} FROM {quoted('checked ' + table)} WHERE _rule IS NULL")
    return relation, quality


def _type_covariates(connection, contract: Table, columns: list[str]) -> None:
    """Make numbers of the columns beyond the contract that hold nothing else; a CSV file has text only."""
    checked = quoted("checked " + contract.name)
    for column in set(columns) - {column.name for column in contract.columns}:
        name = quoted(column)
        ((texts,),) = connection.execute(
            f"SELECT count(*) FROM {checked} WHERE trim({name}::VARCHAR) <> '' AND TRY_CAST({name} AS DOUBLE) IS NULL"
        ).fetchall()
        if not texts:
            as_number = f"TRY_CAST({name} AS DOUBLE)"
            connection.execute(f"ALTER TABLE {checked} ALTER {name} SET DATA TYPE DOUBLE USING {as_number}")


def _reader(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> tuple[str, dict[str, str], str]:
    """SQL that reads a file, the types of its columns, and the SQL of a row's number in it."""
    if file_format(path) == "parquet":
        reader = f"read_parquet({literal(str(path))}, file_row_number = true)"
        try:
            described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {reader}").fetchall()
        except duckdb.Error as error:
            raise InputError(f"{name}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
        return reader, {row[0]: row[1] for row in described}, "file_row_number + 1"
    # the header is read here, and the dialect stated: DuckDB's guess gives up on files with a few broken lines
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as stream:
            line = stream.readline()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read as UTF-8 text: {error}; save it anew, as UTF-8") from error
    if not line.strip():
        raise InputError(f"{name}: begins with an empty line; its first line must name the columns")
    delimiter = max(",;\t|", key=line.count)
    header = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))
    columns = [column if column.strip() else f"unnamed {place}" for place, column in enumerate(header, 1)]
    folded = [column.strip().lower() for column in columns]
    if repeated := [column for place, column in enumerate(columns) if folded[place] in folded[:place]]:
        raise InputError(f"{name}: the header names {repeated[0].strip()} twice; rename one of the columns")
    types = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    reader = (
        f"read_csv({literal(str(path))}, auto_detect = false, header = true, columns = {{{types}}}, "
        f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', store_rejects = true)"
    )
    return reader, dict.fromkeys(columns, "VARCHAR"), "row_number() OVER () + 1"


def _select(connection, path: Path, contract: Table, params: Params, table: str, name: str, order: int):
    """SQL that reads one file with the contract's names and types, and the names of the columns it has.

    Beside each column `c` stand `raw c`, its text as it was in the file, and `text c`, that without blanks around it.
    """
    reader, types, row = _reader(connection, path, name)
    folded = {column.strip().lower(): column for column in types}
    mapped = params.data[table].columns
    read, parts, present = [], [], []
    for column in contract.columns:
        wanted = mapped.get(column.name, column.name)
        found = folded.get(wanted.strip().lower())
        if found is None:
            if column.required or column.name in mapped:
                raise InputError(
                    f"{params.file}: data.{table}: {name} has no column {wanted}{suggestion(wanted, types)}"
                    f" (columns: {{{column.name}: ...}} says what {column.name} is called there)"
                )
            continue
        source, text, raw = (quoted(f"{what} {column.name}") for what in ("source", "text", "raw"))
        as_text = f"CAST({quoted(found)} AS VARCHAR)"
        # a level below, so that the text is trimmed once and not wherever it is looked at
        read.append(f"{quoted(found)} AS {source}, {as_text} AS {raw}, {trimmed(as_text)} AS {text}")
        parts.append(f"{typed(types[found], column, params.timezone)} AS {quoted(column.name)}, {raw}, {text}")
        present.append(column.name)
    if contract.any_columns:
        known = {column.name.lower() for column in contract.columns} | {c.strip().lower() for c in mapped.values()}
        for column in types:
            if column.strip().lower() not in known:
                read.append(quoted(column))
                parts.append(quoted(column))
                present.append(column)
    rows = f"SELECT {', '.join(read)}, {row} AS _row FROM {reader}"
    return f"SELECT {', '.join(parts)}, {order} AS _file, _row FROM ({rows})", present
