"""A client's tables opened and checked on Spark.

The contract's checks are the SQL that DuckDB runs, and DuckDB runs it here too: inside Spark's workers, over the rows
of each part as they stream through. A value is then read in one way only, whatever the engine. What looks across parts
(a row that repeats another, counts, first examples) is Spark's.

Parquet files and tables are read by Spark. Anything else (CSV, workbooks, databases) is read and checked on this
machine, as under `engine: duckdb`, and handed to Spark.
"""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from crmlab import data
from crmlab.checks import REPEATED, Rule, keep_rules, row_rules
from crmlab.contract import TABLES, InputError
from crmlab.params import Params, Project
from crmlab.quality import FILTERED, Quality, judge
from crmlab.reading.check_form import ends
from crmlab.reading.fields import Frame, part, seen
from crmlab.reading.sql import quoted
from crmlab.reading.stores import is_in_store
from crmlab.reading.written import Manner
from crmlab.sources import shown_name, source_files
from crmlab.spark.counts import measured
from crmlab.spark.sources import BATCH, PER_FILE, Rows, column, read_parquet, read_remote

_TYPES = {
    "VARCHAR": "string", "DOUBLE": "double", "BIGINT": "bigint", "INTEGER": "int", "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp_ntz",
}  # fmt: skip
_TEXT, _NUMBER = "_text_", "_number_"  # of a covariate


def open_table(session: SparkSession, params: Params, table: str, project: Project) -> tuple[DataFrame, Quality]:
    """Read a client's table on Spark and check each row; as `crmlab.data.open_table` does on DuckDB.

    Returns
    -------
    frame, quality
        The accepted rows, with the contract's names and types (dates are timestamps in the client's time zone).

    Raises
    ------
    InputError
        As `crmlab.data.open_table` does.
    """
    form = params.data[table]
    if is_in_store(form.source):
        return _checked(params, table, read_remote(session, form.source))
    files = source_files(params, table, project)
    if form.convert or form.join or not files or not all(ends(path.name, (".parquet",)) for path in files):
        relation, quality = data.open_table(data.connect(), params, table, project)
        return session.createDataFrame(relation.to_arrow_table()), quality
    return _checked(params, table, read_parquet(session, files, [shown_name(path, project) for path in files]))


def _checked(params: Params, table: str, read: Rows) -> tuple[DataFrame, Quality]:
    """The accepted rows, in the contract's types, and what became of the others."""
    contract, form, where = TABLES[table], params.data[table], f"{params.file}: data.{table}"
    if form.convert:
        raise InputError(f"{where}.convert: what Spark alone reaches is not converted; convert it where it is made")
    frame = Frame(contract, form, where, Manner(form, params.currency, params.timezone))
    rows, rules, columns = _run(read, frame)
    unclear = [at for at, rule in enumerate(rules) if rule.unclear]
    if unclear and not rows.filter(F.col("_rule").isin(unclear)).isEmpty():
        with read.batch() as connection:
            whole = part(connection, read.whole, frame, 0)
        if shown := seen(_Everywhere(read), [whole], frame):
            rows.unpersist()
            rows, rules, columns = _run(read, replace(frame, manner=replace(frame.manner, seen=shown)))
    quality = measured(rows, table, read.names, rules, {name: absent for name, absent in columns.items() if absent})
    judge(quality, params.max_rejected, params.file)
    known = [each.name for each in contract.columns if each.name in columns]
    further = _covariates(rows, [name for name in columns if name not in known])
    return rows.filter(F.col("_rule").isNull()).select(*known, *further), quality


def _run(read: Rows, frame: Frame) -> tuple[DataFrame, list[Rule], dict[str, int]]:
    """Every row with the number of the rule that it breaks; and by column, how many files lack it."""
    contract = frame.contract
    with read.batch() as connection:
        whole = part(connection, read.whole, frame, 0)
        # raises where a file lacks what the others have, and what it must
        kinds = [(part(connection, opened, frame, 0), files) for opened, files in read.kinds]
        rules = row_rules(contract, whole.columns, whole.unclear)
        cases = [(rule.broken, at) for at, rule in enumerate(rules)]
        if frame.form.keep:
            # before all other rules: what is not kept may hold anything
            first = [(rule.broken, len(rules) + at) for at, rule in enumerate(keep_rules())]
            rules, cases = rules + keep_rules(), [*first, ("NOT _keep", FILTERED), *cases]
        rule = "CASE " + " ".join(f"WHEN {broken} THEN {at}" for broken, at in cases) + " END"
        value = "CASE _rule " + " ".join(f"WHEN {at} THEN {rule.value}" for at, rule in enumerate(rules)) + " END"
        body = f"(SELECT *, CAST({rule} AS INTEGER) AS _rule FROM ({whole.sql}))"
        types = {name: kind for name, kind, *_rest in connection.execute(f"DESCRIBE FROM {body}").fetchall()}
        known = [each.name for each in contract.columns if each.name in whole.columns]
        further = [name for name in whole.columns if name not in known]
        kept = [quoted(name) for name in known]
        kept += [sql for at, name in enumerate(further) for sql in _further(name, types[name], at)]
        place = f"CAST(_row // {PER_FILE} AS INTEGER) AS _file, CAST(_row % {PER_FILE} AS BIGINT) AS _row"
        sql = f"SELECT {', '.join(kept)}, {place}, _rule, CAST({value} AS VARCHAR) AS _value FROM {body}"
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
    schema = ", ".join(f"{column(name)} {_TYPES[kind]}" for name, kind, *_rest in described)
    rows = read.frame.mapInArrow(_streamed(sql), schema)
    if contract.unique and set(contract.unique) <= set(whole.columns):
        order = Window.partitionBy(*contract.unique, F.col("_rule").isNull()).orderBy("_file", "_row")
        again = F.col("_rule").isNull() & (F.row_number().over(order) > 1)
        key = F.concat_ws(", ", *(F.coalesce(F.col(name).cast("string"), F.lit("")) for name in contract.unique))
        rows = rows.withColumn("_again", again).withColumns(
            {"_value": F.when(F.col("_again"), key).otherwise(F.col("_value"))}
            | {"_rule": F.when(F.col("_again"), len(rules)).otherwise(F.col("_rule"))}
        )
        rules.append(Rule(", ".join(contract.unique), REPEATED, "", ""))
    lacking = {name: sum(files for each, files in kinds if name not in each.columns) for name in whole.columns}
    return rows.persist(), rules, lacking


def _further(name: str, kind: str, at: int) -> list[str]:
    """SQL of a covariate as it stands and as a number, by its place: Spark minds what signs a name has."""
    moment = kind.startswith(("DATE", "TIMESTAMP"))
    number = "CAST(NULL AS DOUBLE)" if moment else f"TRY_CAST({quoted(name)} AS DOUBLE)"
    return [
        f"CAST({quoted(name)} AS {'TIMESTAMP' if moment else 'VARCHAR'}) AS {_TEXT}{at}",
        f"{number} AS {_NUMBER}{at}",
    ]


def _streamed(sql: str):
    """What a worker does with the rows of a part; all it takes stands inside, so that workers need DuckDB alone."""
    batch = BATCH

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from itertools import chain

        import duckdb
        import pyarrow

        first = next(batches, None)
        if first is None:
            return
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.register(batch, pyarrow.RecordBatchReader.from_batches(first.schema, chain([first], batches)))
            yield from connection.sql(sql).to_arrow_reader(65_536)

    return run


class _Everywhere:
    """Stands in for an engine where SQL asks for counts alone: those of all parts, added up."""

    def __init__(self, read: Rows):
        self._read = read

    def execute(self, sql: str) -> "_Everywhere":
        with self._read.batch() as connection:
            names = [f"n{at}" for at in range(len(connection.execute(f"DESCRIBE {sql}").fetchall()))]
        counted = f"SELECT * FROM ({sql}) AS counts({', '.join(names)})"
        found = self._read.frame.mapInArrow(_streamed(counted), ", ".join(f"{name} bigint" for name in names))
        self._found = found.agg(*(F.coalesce(F.sum(name), F.lit(0)) for name in names)).first()
        return self

    def fetchall(self) -> list[tuple]:
        return [tuple(self._found)]


def _covariates(rows: DataFrame, names: list[str]) -> list[Column]:
    """Columns beyond the contract, those that hold nothing but numbers as numbers."""
    pairs = [(name, F.col(f"{_TEXT}{at}"), F.col(f"{_NUMBER}{at}")) for at, name in enumerate(names)]
    no_number = [F.count_if((F.trim(text.cast("string")) != "") & number.isNull()) for _name, text, number in pairs]
    texts = rows.agg(*no_number).first() if pairs else ()
    return [(text if found else number).alias(name) for (name, text, number), found in zip(pairs, texts, strict=True)]
