"""Opens a client's tables on an engine and checks every row against the contract. The only reader.

Each file is read as texts, or in its own types where it has any; each column is cast to the contract's type, each row
is given the first rule that it breaks, and what is left is a DuckDB table of accepted rows. Nothing is dropped in
silence: `Quality` counts what was rejected, by reason, with the first rows of each, and what the client's file leaves
out.
"""

import multiprocessing.util
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache

import duckdb

from crmlab.checks import REPEATED, Rule, keep_rules, rate_rules, row_rules
from crmlab.contract import TABLES, InputError, Table
from crmlab.params import Params, Project
from crmlab.quality import FILTERED, Quality, forget_malformed, judge, measure
from crmlab.reading.fields import Frame, Part, part, seen
from crmlab.reading.form import SourceForm
from crmlab.reading.opened import Opened
from crmlab.reading.rates import RATES, converted
from crmlab.reading.sql import quoted
from crmlab.reading.written import Manner
from crmlab.sources import opened


def connect() -> duckdb.DuckDBPyConnection:
    """An embedded engine that spills to a folder of this user's own and never fetches an extension.

    Under a run it keeps to the memory that the run gives each kernel (`CRMLAB_MEMORY_MB`); by itself DuckDB would take
    four fifths of the machine, in every kernel.
    """
    own = {"temp_directory": _spilled(os.getpid()), "autoinstall_known_extensions": "false"}
    memory_mb = os.environ.get("CRMLAB_MEMORY_MB")
    limit = {"memory_limit": f"{memory_mb}MB"} if memory_mb else {}
    connection = duckdb.connect(config={**own, **limit})
    # DuckDB shows how a slow query gets on: by a widget that would stand in the report, or across a command's own lines
    connection.execute("SET enable_progress_bar = false")
    return connection


@cache
def _spilled(process: int) -> str:
    """Where the engine of a process puts rows that its memory does not hold: it would let every user read them."""
    folder = tempfile.mkdtemp(prefix="crmlab-")
    multiprocessing.util.Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=-100)
    return folder


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
    reading = _Reading(connection, params, project)
    where = f"{params.file}: data.{table}"
    form = params.data[table]
    rates = None
    if form.convert:
        rates = _rates(reading, form.convert.rates, f"rates of {table}", f"{where}.convert.rates")
    columns, quality = _check(reading, TABLES[table], form, table, where, rates)
    judge(quality, params.max_rejected, params.file, encoding=form.encoding)
    kept = ", ".join(map(quoted, columns))
    return connection.sql(f"SELECT {kept} FROM {_checked(table)} WHERE _rule IS NULL"), quality


@dataclass(frozen=True)
class _Reading:
    """What reading any table of a client takes."""

    connection: duckdb.DuckDBPyConnection
    params: Params
    project: Project


def _checked(name: str) -> str:
    return quoted("checked " + name)


def _rates(reading: _Reading, form: SourceForm, name: str, where: str) -> tuple[str, bool]:
    """Rates of exchange, none of which may break a rule: SQL of them, and whether any holds from a date on."""
    columns, quality = _check(reading, RATES, form, name, where, None)
    judge(quality, 0, reading.params.file, encoding=form.encoding)
    dated = False
    if "date" in columns:
        ((dated,),) = reading.connection.execute(f"SELECT count(date) > 0 FROM {_checked(name)}").fetchall()
    else:
        reading.connection.execute(f"ALTER TABLE {_checked(name)} ADD COLUMN date TIMESTAMP")
    return _checked(name), dated


def _check(
    reading: _Reading, contract: Table, form: SourceForm, name: str, where: str, rates: tuple[str, bool] | None
) -> tuple[list[str], Quality]:
    """Read a table into `checked <name>`, each row with the first rule that it breaks; its columns and its counts."""
    connection, params = reading.connection, reading.params
    with ExitStack() as held:
        forget_malformed(connection)
        files = opened(connection, form, reading.project, name, where, held)
        frame = Frame(contract, form, where, Manner(form, params.currency, params.timezone))
        parts, rules, columns = _run(connection, files, frame, name, rates, params.currency)
        if _is_unclear(connection, name, rules) and (shown := seen(connection, parts, frame)):
            frame = replace(frame, manner=replace(frame.manner, seen=shown))
            forget_malformed(connection)
            parts, rules, columns = _run(connection, files, frame, name, rates, params.currency)
        lacking = {
            column: absent for column in columns if (absent := sum(column not in each.columns for each in parts))
        }
        called = {file.path: file.name for file in files}
        called |= {other.path: other.name for file in files for other in file.joined}
        quality = measure(connection, name, called, rules, lacking=lacking)
        for path in called:
            connection.execute(f"DROP TABLE IF EXISTS {quoted(path)}")
    _type_covariates(connection, contract, columns, name)
    return columns, quality


def _run(
    connection, files: Sequence[Opened], frame: Frame, name: str, rates: tuple[str, bool] | None, currency: str
) -> tuple[list[Part], list[Rule], list[str]]:
    """Read and check every row once."""
    contract, form = frame.contract, frame.form
    parts = [part(connection, file, frame, order) for order, file in enumerate(files)]
    columns = list(dict.fromkeys(column for each in parts for column in each.columns))
    for column in form.columns:
        if column not in columns:
            called = form.called(column)
            raise InputError(
                f"{frame.where}: {files[0].missing(called)}"
                f" (columns: {{{column}: ...}} says what {column} is called there)"
            )
    body = " UNION ALL BY NAME ".join(each.sql for each in parts)
    rules = row_rules(contract, columns, {column for each in parts for column in each.unclear})
    if form.convert:
        body = converted(body, form.convert, contract, columns, rates, currency, frame.where)
        rules += rate_rules(form.convert.name or "currency")
    cases = [(rule.broken, at) for at, rule in enumerate(rules)]
    if form.keep:
        # before all other rules: what is not kept may hold anything
        unsure = len(rules)
        rules += keep_rules()
        undecided = [(rule.broken, unsure + at) for at, rule in enumerate(rules[unsure:])]
        cases = [*undecided, ("NOT _keep", FILTERED), *cases]
    rule = "CASE " + " ".join(f"WHEN {broken} THEN {at}" for broken, at in cases) + " END"
    checked = f"SELECT *, {rule} AS _rule FROM ({body})"
    values = [rule.value for rule in rules]
    if unique := [column for column in contract.unique if column in columns]:
        keys = ", ".join(map(quoted, unique))
        repeated = f"row_number() OVER (PARTITION BY {keys}, _rule IS NULL ORDER BY _file, _row) > 1"
        checked = (
            f"SELECT * REPLACE (CASE WHEN _rule IS NULL AND {repeated} THEN {len(rules)} ELSE _rule END AS _rule) "
            f"FROM ({checked})"
        )
        rules.append(Rule(", ".join(unique), REPEATED, "", ""))
        values.append(" || ', ' || ".join(f"coalesce(CAST({quoted(key)} AS VARCHAR), '')" for key in unique))
    value = "CASE _rule " + " ".join(f"WHEN {at} THEN {sql}" for at, sql in enumerate(values)) + " END"
    kept = ", ".join(map(quoted, columns))
    # joining mixes the rows
    ordered = " ORDER BY _file, _row" if form.convert or form.join else ""
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_checked(name)} AS "
            f"SELECT {kept}, _file, _row, _rule, {value} AS _value FROM ({checked}){ordered}"
        )
    except duckdb.Error as error:
        shown, said = ", ".join(file.name for file in files), str(error).splitlines()[0]
        for file in files:
            said = said.replace(file.path, file.name)
        raise InputError(f"{shown}: cannot be read: {said}") from error
    return parts, rules, columns


def _is_unclear(connection, name: str, rules: Sequence[Rule]) -> bool:
    """Whether rows were rejected because nobody has said how they are to be read: the whole column may show it."""
    open_ones = [str(at) for at, rule in enumerate(rules) if rule.unclear]
    if not open_ones:
        return False
    query = f"SELECT count(*) > 0 FROM {_checked(name)} WHERE _rule IN ({', '.join(open_ones)})"
    return connection.execute(query).fetchall()[0][0]


def _type_covariates(connection, contract: Table, columns: Sequence[str], name: str) -> None:
    """Make numbers of the columns beyond the contract that hold nothing else; a CSV file has text only."""
    checked = _checked(name)
    for column in set(columns) - {column.name for column in contract.columns}:
        covariate = quoted(column)
        ((texts,),) = connection.execute(
            f"SELECT count(*) FROM {checked} "
            f"WHERE trim({covariate}::VARCHAR) <> '' AND TRY_CAST({covariate} AS DOUBLE) IS NULL"
        ).fetchall()
        if not texts:
            as_number = f"TRY_CAST({covariate} AS DOUBLE)"
            connection.execute(f"ALTER TABLE {checked} ALTER {covariate} SET DATA TYPE DOUBLE USING {as_number}")
