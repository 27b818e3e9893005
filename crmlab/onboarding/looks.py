"""A file that nobody has described: its columns, and what of the contract their values could be."""

import codecs
import gzip
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from crmlab.checks import row_rules
from crmlab.contract import TABLES, Column, InputError, Kind, Table
from crmlab.data import connect
from crmlab.params import Project
from crmlab.reading.check_form import CSV, ends
from crmlab.reading.fields import Frame, Part, part, seen
from crmlab.reading.form import SourceForm
from crmlab.reading.opened import Opened
from crmlab.reading.sql import quoted
from crmlab.reading.written import Manner
from crmlab.sources import opened

# as many rows as tell the kind of a column; `check` reads them all afterwards
SAMPLE = 1_000
_FEW = 12
_SAMPLE_BYTES = 1 << 22
# tried in this order; every file is text in the last one
_ENCODINGS = ("utf-8", "gb18030", "cp1252")


def _rules(column: Column) -> str:
    """What the contract asks of a column's values, as a name: columns of the same rules are tried once."""
    what = ", ".join(column.choices) or ("text" if column.kind == "id" else column.kind)
    return f"{what} {column.low} {column.high} {bool(column.units)}"


_PLAIN = tuple(Column(kind, kind, "") for kind in ("date", "number", "integer", "boolean", "text"))
_TRIED = {
    _rules(column): replace(
        column, name=_rules(column), kind="text" if column.kind == "id" else column.kind, required=False
    )
    for column in (*_PLAIN, *(column for table in TABLES.values() for column in table.columns))
}
_NEW = Table("new", "", tuple(_TRIED.values()))


@dataclass(frozen=True)
class Values:
    """What the first rows of a column hold.

    Attributes
    ----------
    filled
        Share of rows in which it is not empty, 0 to 1.
    distinct
        How many different values there are.
    low, high
        Of those that are numbers; None where none is.
    passes
        Share of its filled rows that keep a column's rules, by the name of the rules.
    unclear
        Whether its dates could have their day or their month first, or its numbers two readings.
    few
        Its values, where they are few.
    """

    filled: float
    distinct: int
    low: float | None
    high: float | None
    passes: dict[str, float]
    unclear: bool
    few: tuple[str, ...] = ()

    def share(self, column: Column) -> float:
        """Share of its filled rows that the contract takes as a column's."""
        return self.passes[_rules(column)]

    def are_all(self, kind: Kind) -> bool:
        """Whether every one of them is of a kind."""
        return self.passes[_rules(Column("", kind, ""))] == 1


@dataclass(frozen=True)
class Look:
    """What a file looks like.

    Attributes
    ----------
    form
        How it is opened.
    rows
        How many there are, at most `SAMPLE`.
    customer
        The column that is said to identify the customer; None where nobody said so, or it is not there.
    """

    path: Path
    form: SourceForm
    rows: int
    columns: dict[str, Values]
    customer: str | None = None


def look(path: Path, project: Project, *, currency: str, timezone: str = "UTC", customer: str | None = None) -> Look:
    """Open a file as `data.<table>.source` would be, and try its first rows as every kind that the contract knows.

    Parameters
    ----------
    currency, timezone
        Of the client: by the one amounts may bear a sign, to the other moments that state a zone are converted.
    customer
        What files call the column that identifies the customer; None leaves it to be guessed.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    source = path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else path.as_posix()
    form = SourceForm(source=source, encoding=_encoding(path))
    connection = connect()
    with ExitStack() as held:
        (file,) = opened(connection, form, project, "new", path.name, held)
        try:
            rows, columns = _values(connection, file, form, currency, timezone)
            return Look(path, form, rows, columns, customer if customer in columns else None)
        finally:
            connection.close()


def _encoding(path: Path) -> str | None:
    """What a CSV file must be said to be in; None where it says so itself, or is UTF-8."""
    if not ends(path.name, CSV) or not path.is_file():
        return None
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
            first = stream.read(_SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        raise InputError(f"{path.name}: cannot be read: {error}") from error
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    for encoding in _ENCODINGS[:-1]:
        try:
            # a sign that the end of the piece cuts in two is no fault
            codecs.getincrementaldecoder(encoding)().decode(first)
        except UnicodeError:
            continue
        return None if encoding == "utf-8" else encoding
    return _ENCODINGS[-1]


def _values(connection, file: Opened, form: SourceForm, currency: str, timezone: str) -> tuple[int, dict[str, Values]]:
    """Every column as every kind, by the contract's own rules."""
    connection.execute(f"CREATE TEMP TABLE sample AS SELECT *, {file.row} AS _at FROM {file.reader} LIMIT {SAMPLE}")
    ((rows,),) = connection.execute("SELECT count(*) FROM sample").fetchall()
    sample = replace(file, reader="sample", row="_at")
    found = {}
    for name in (column.strip() for column in file.types):
        called = {"columns": {column.name: {"from": name} for column in _NEW.columns}}
        stated = SourceForm.model_validate(form.model_dump(by_alias=True, exclude_none=True) | called)
        frame = Frame(_NEW, stated, file.name, Manner(stated, currency, timezone))
        found[name] = _one(connection, part(connection, sample, frame, 0), frame, rows)
    return rows, found


def _one(connection, read: Part, frame: Frame, rows: int) -> Values:
    """A column, tried under every set of rules."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE tried AS {read.sql}")
    rules = row_rules(_NEW, read.columns, read.unclear)
    open_ones = [rule.broken for rule in rules if rule.unclear] or ["false"]
    number, text = quoted(_rules(Column("", "number", ""))), quoted("text " + _rules(Column("", "text", "")))
    asked = [
        f"count(*) FILTER ({text} <> '')",
        f"count(DISTINCT nullif({text}, ''))",
        f"min({number}) FILTER (isfinite({number}))",
        f"max({number}) FILTER (isfinite({number}))",
        f"count(*) FILTER ({' OR '.join(open_ones)})",
    ]
    for column in _NEW.columns:
        broken, unclear = (
            " OR ".join(rule.broken for rule in rules if rule.column == column.name and rule.unclear == which)
            or "false"
            for which in (False, True)
        )
        # what has two readings has one once they are stated
        asked.append(f"count(*) FILTER (coalesce(({broken}) AND NOT ({unclear}), false))")
    filled, distinct, low, high, unclear, *faults = connection.execute(
        f"SELECT {', '.join(asked)} FROM tried"
    ).fetchall()[0]
    passes = {
        column.name: 1 - fault / filled if filled else 0.0 for column, fault in zip(_NEW.columns, faults, strict=True)
    }
    # as the reader does: the whole column may show what one value leaves open
    open_now = unclear > 0 and not seen(connection, [read], frame)
    few = []
    if distinct <= _FEW:
        few = connection.execute(f"SELECT DISTINCT {text} FROM tried WHERE {text} <> '' ORDER BY 1").fetchall()
    return Values(filled / rows if rows else 0.0, distinct, low, high, passes, open_now, tuple(row[0] for row in few))
