"""The columns of what was opened as those of the contract: SQL, in levels that build upon one another.

The lowest level gives of each field its `source`, its text as it stands (`raw`) and without blanks around it (`text`).
Above it stand what formulas and the condition of `keep` give, and above those the contract's names and types.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

import narwhals as nw

from crmlab.contract import InputError, Table
from crmlab.reading import expressed
from crmlab.reading.form import SourceForm
from crmlab.reading.opened import Opened
from crmlab.reading.sql import literal, quoted, trimmed
from crmlab.reading.typed import boolean, typed
from crmlab.reading.written import Manner

OPERAND = "of an expression: "
_OWN = ("_row", "_file", "_rule", "_value", "_keep", "_rate", "_currency")


@dataclass(frozen=True)
class Field:
    """One column as it was read: SQL of its `source`, `raw` and `text`, and the type of its source."""

    label: str
    source: str
    raw: str
    text: str
    type: str


@dataclass(frozen=True)
class Part:
    """One file of a table, or the only query.

    Attributes
    ----------
    lowest, sql
        SQL of the lowest level, and of the contract's columns.
    columns
        Those of the contract that it has, and covariates.
    unclear
        Columns beside which it stands whether their text has two readings.
    open
        Labels of fields that are texts here, of which it is not stated how they are written.
    """

    lowest: str
    sql: str
    columns: tuple[str, ...]
    unclear: frozenset[str]
    open: frozenset[str]


@dataclass(frozen=True)
class Frame:
    """What is the same for every part of a table: its contract, what YAML says of it and where, how it is written."""

    contract: Table
    form: SourceForm
    where: str
    manner: Manner


def part(connection, opened: Opened, frame: Frame, order: int) -> Part:
    """One file, mapped.

    Raises
    ------
    InputError
        If a column that is required, or that an expression reads, is not there.
    """
    form, fields, uses = frame.form, _plain_fields(opened, frame), {}
    formulas, condition = {}, None
    known = [name.strip() for name in opened.types]
    for name, column in form.columns.items():
        if column.formula is not None:
            where = f"{frame.where}.columns.{name}.formula"
            formulas[name], used = expressed.read(column.formula, known, "value", where)
            _agree(uses, used, frame.where)
    if form.keep is not None:
        condition, used = expressed.read(form.keep, known, "condition", f"{frame.where}.keep")
        _agree(uses, used, frame.where)
    if taken := [name for name in uses if name.lower() in _OWN]:
        raise InputError(f"{frame.where}: an expression reads {taken[0]}, a name that is taken; rename the column")
    fields += [_field(OPERAND + name, opened, opened.find(name)) for name in uses]
    if form.convert and form.convert.name is not None:
        found = opened.find(form.convert.name)
        if found is None:
            raise InputError(f"{frame.where}.convert.from: {opened.missing(form.convert.name)}")
        fields.append(_field("_currency", opened, found))
    read = [f"{sql} AS {quoted(f'{what} {each.label}')}" for each in fields
            for what, sql in (("source", each.source), ("raw", each.raw), ("text", each.text))]  # fmt: skip
    covariates = _covariates(opened, frame)
    read += [f"{sql} AS {quoted(name)}" for name, sql in covariates.items()]
    lowest = f"SELECT {', '.join([*read, f'{opened.row} AS _row'])} FROM {opened.reader}"
    below = f"({lowest})"
    if uses:
        below = f"({_computed(connection, lowest, uses, formulas, condition, fields, frame)})"
    parts = [_typed(each, frame) for each in fields if not each.label.startswith((OPERAND, "_"))]
    texts = frozenset(each.label for each in fields if each.type == "VARCHAR")
    unsure = {name for name, use in uses.items() if use == "number" and OPERAND + name in texts}
    parts += [_formula(name, made.names, unsure, frame) for name, made in formulas.items()]
    parts += [quoted(name) for name in covariates]
    if condition is not None:
        parts.append(_condition(condition.names, unsure, frame))
    if form.convert:
        stated = literal(form.convert.currency or "") if form.convert.name is None else 'upper("text _currency")'
        parts.append(f"{stated} AS _currency")
    present = [each.label for each in fields if not each.label.startswith((OPERAND, "_"))]
    names = [column.name for column in frame.contract.columns if column.name in {*present, *formulas}]
    doubtful = {each for each in present if _is_open(each, texts, frame)}
    return Part(
        lowest=lowest,
        sql=f"SELECT {', '.join(parts)}, {order} AS _file, _row FROM {below}",
        columns=(*names, *covariates),
        unclear=frozenset(doubtful | set(formulas)),
        open=frozenset(doubtful | {OPERAND + name for name in unsure}),
    )


def _plain_fields(opened: Opened, frame: Frame) -> list[Field]:
    """The contract's columns that are there as they stand, under another name, or with a value that YAML gives."""
    fields = []
    for column in frame.contract.columns:
        form = frame.form.columns.get(column.name)
        if form and form.formula is not None:
            continue
        if form and form.value is not None:
            text = literal(form.value.strip())
            fields.append(Field(column.name, text, text, text, "VARCHAR"))
            continue
        wanted = frame.form.called(column.name)
        found = opened.find(wanted)
        if found is not None:
            exact = column.kind in ("number", "integer", "date")
            fields.append(_field(column.name, opened, found, form.values if form else None, exact=exact))
        elif column.required:
            raise InputError(
                f"{frame.where}: {opened.missing(wanted)}"
                f" (columns: {{{column.name}: ...}} says what {column.name} is called there)"
            )
    return fields


def _field(
    label: str, opened: Opened, column: str, values: dict[str, str] | None = None, *, exact: bool = True
) -> Field:
    """`exact`: its text is read as a number or a date, so that the marks of cells that were numbers stay."""
    raw = opened.raw(column)
    text = opened.text(column) if exact else trimmed(raw)
    if values:
        cases = " ".join(f"WHEN {literal(key.strip())} THEN {literal(to.strip())}" for key, to in values.items())
        text = f"CASE coalesce({trimmed(raw)}, '') {cases} ELSE {text} END"
        return Field(label, text, raw, text, "VARCHAR")
    return Field(label, opened.source(column), raw, text, opened.types[column])


def _covariates(opened: Opened, frame: Frame) -> dict[str, str]:
    """Columns beyond the contract, where it takes them."""
    if not frame.contract.any_columns:
        return {}
    taken = {column.name.lower() for column in frame.contract.columns}
    taken |= {frame.form.called(name).strip().lower() for name in frame.form.columns}
    found = {name: opened.source(name) if opened.types[name] != "VARCHAR" else opened.raw(name)
             for name in opened.types if name.strip().lower() not in taken}  # fmt: skip
    if own := [name for name in found if name.lower() in _OWN]:
        raise InputError(f"{frame.where}: {opened.name} has a column {own[0]}, a name that is taken; rename it")
    return found


def _agree(uses: dict[str, str], more: dict[str, str], where: str) -> None:
    for name, use in more.items():
        if uses.setdefault(name, use) != use:
            raise InputError(f"{where}: expressions use {name} both as {uses[name]} and as {use}; it can be one")


def _computed(connection, lowest: str, uses, formulas, condition, fields: list[Field], frame: Frame) -> str:
    """The lowest level with what the expressions give beside it."""
    types = {each.label: each.type for each in fields}
    operands = []
    for name, use in uses.items():
        label = OPERAND + name
        source, text = quoted(f"source {label}"), quoted(f"text {label}")
        if use == "number":
            plain = frame.manner.number(label).number(f"nullif({text}, '')")
            sql = plain if types[label] == "VARCHAR" else f"TRY_CAST({source} AS DOUBLE)"
        else:
            # an empty cell is no other text; nothing about it is unknown
            sql = boolean(text) if use == "boolean" else f"coalesce({text}, '')"
        operands.append(f"{sql} AS {quoted(name)}")
    columns = {f"formula {name}": made.to_narwhals() for name, made in formulas.items()}
    if condition is not None:
        opposite = expressed.read(f"not ({condition.text})", list(uses), "condition", frame.where)[0]
        columns |= {"_kept": condition.to_narwhals(), "_left out": opposite.to_narwhals()}
    rows = connection.sql(f"SELECT *, {', '.join(operands)} FROM ({lowest})")
    return nw.from_native(rows).with_columns(**columns).to_native().sql_query()


def _typed(each: Field, frame: Frame) -> str:
    column = frame.contract.column(each.label)
    name, raw, text = (quoted(f"{what}{column.name}") for what in ("", "raw ", "text "))
    sql = f"{typed(each.type, column, frame.manner)} AS {name}, {raw}, {text}"
    if column.kind == "integer":
        as_number = frame.manner.number(column.name, column).number(text)
        number = as_number if each.type == "VARCHAR" else f"TRY_CAST({quoted('source ' + column.name)} AS DOUBLE)"
        sql += f", {number} AS {quoted('number ' + column.name)}"
    if _is_open(column.name, {each.label} if each.type == "VARCHAR" else (), frame):
        sql += f", {frame.manner.of(column.name, column).unclear(text)} AS {quoted('unclear ' + column.name)}"
    return sql


def _is_open(label: str, texts: Collection[str], frame: Frame) -> bool:
    """Whether a column of the contract is of texts that may have two readings."""
    column = frame.contract.column(label)
    return label in texts and column.kind in ("number", "date") and frame.manner.of(label, column).is_open


def _formula(name: str, operands: tuple[str, ...], unsure: set[str], frame: Frame) -> str:
    """A computed column; its text is that of what it was computed from, empty where all of it is."""
    column = frame.contract.column(name)
    number = quoted(f"formula {name}")
    value = f"TRY_CAST({number} AS BIGINT)" if column.kind == "integer" else number
    raw, empty, unclear = _operands(operands, unsure, frame)
    return (
        f"{value} AS {quoted(name)}, {raw} AS {quoted('raw ' + name)}, "
        f"CASE WHEN {empty} THEN '' ELSE {raw} END AS {quoted('text ' + name)}, "
        f"{number} AS {quoted('number ' + name)}, {unclear} AS {quoted('unclear ' + name)}"
    )


def _condition(operands: tuple[str, ...], unsure: set[str], frame: Frame) -> str:
    raw, _empty, unclear = _operands(operands, unsure, frame)
    kept = 'CASE WHEN "_kept" THEN true WHEN "_left out" THEN false END'
    return f'{kept} AS _keep, {raw} AS "raw _keep", {unclear} AS "unclear _keep"'


def _operands(names: tuple[str, ...], unsure: set[str], frame: Frame) -> tuple[str, str, str]:
    """SQL of what an expression read, as a message shows it; whether all is empty; whether a number is unclear."""
    texts = {name: quoted(f"text {OPERAND}{name}") for name in names}
    raw = " || ', ' || ".join(f"{literal(name + ' ')} || coalesce({text}, '')" for name, text in texts.items())
    empty = " AND ".join(f"coalesce({text}, '') = ''" for text in texts.values())
    numbers = {name: frame.manner.number(OPERAND + name) for name in names if name in unsure}
    unclear = [f"coalesce({written.unclear(texts[name])}, false)" for name, written in numbers.items()]
    return f"({raw})", f"({empty})", f"({' OR '.join(unclear) or 'false'})"


def seen(connection, parts: list[Part], frame: Frame) -> dict[str, str]:
    """How each column is written of which it was not stated, as all its texts show: for `Manner.seen`.

    What stays open after all texts is not among them.
    """
    labels = sorted({label for each in parts for label in each.open})
    if not labels:
        return {}
    columns = {column.name: column for column in frame.contract.columns}
    manners = {label: frame.manner.of(label, columns.get(label)) for label in labels}
    texts = " UNION ALL BY NAME ".join(
        f"SELECT {', '.join(quoted('text ' + label) for label in sorted(each.open))} FROM ({each.lowest})"
        for each in parts
        if each.open
    )
    # a level below, so that each text is laid bare once
    bare = ", ".join(f"{manners[label].bare(quoted('text ' + label))} AS {quoted(label)}" for label in labels)
    counts = [manners[label].evidence(f"coalesce({quoted(label)}, '')") for label in labels]
    texts = f"SELECT {bare} FROM ({texts})"
    found = iter(connection.execute(f"SELECT {', '.join(sum(counts, []))} FROM ({texts})").fetchall()[0])
    shown = {label: each.shown(*islice(found, 3)) for label, each in manners.items()}
    return {label: how for label, how in shown.items() if how not in ("", "unclear")}
