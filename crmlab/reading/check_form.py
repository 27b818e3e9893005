"""What can be told of `data.<table>` before any file is opened: names of columns, and what goes with what."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePath

from crmlab.contract import InputError, Table, suggestion
from crmlab.expressions import Kind
from crmlab.reading import expressed
from crmlab.reading.form import FileForm, SourceForm
from crmlab.reading.rates import RATES, amounts
from crmlab.reading.stores import is_in_store
from crmlab.reading.urls import has_secret, is_database

CSV, SHEETS, SQLITE = (".csv", ".csv.gz"), (".xlsx", ".xlsm"), (".sqlite", ".sqlite3", ".db")
FORMATS = (*CSV, ".parquet", *SHEETS, *SQLITE)


def ends(source: str, suffixes: Iterable[str]) -> bool:
    """Whether a source's name ends in one of these, such as `CSV` or `FORMATS`, in whatever case."""
    return PurePath(source).name.lower().endswith(tuple(suffixes))


def check_form(form: SourceForm, contract: Table, where: str) -> None:
    """Check what YAML says of a table against its contract.

    Parameters
    ----------
    where
        How messages call it: `params/acme.yaml: data.transactions`.

    Raises
    ------
    InputError
        With one line for each fault.
    """
    faults: list[str] = []
    names = [column.name for column in contract.columns]
    dates = [column.name for column in contract.columns if column.kind == "date"]
    computed = [column.name for column in contract.columns if column.kind in ("number", "integer")]

    def wrong(line: str) -> None:
        faults.append(f"{where}{line}")

    _check_kind(form, wrong)
    for at, join in enumerate(form.join):
        place = f".join[{at}]" if len(form.join) > 1 else ".join"
        _check_kind(join, partial(_wrong_below, wrong, place))
        if is_database(join.source) or is_in_store(join.source):
            wrong(f"{place}.source: a file alone is joined; what a database holds, its query can join")
    if form.join and is_in_store(form.source):
        wrong(".join: what Spark alone reaches is not joined; join it where it is made")
    for name, column in form.columns.items():
        if name not in names and not contract.any_columns:
            wrong(f".columns.{name} is not a column of {contract.name}{suggestion(name, names)}")
        elif name not in names:
            wrong(f".columns.{name} is not a column of {contract.name}; other columns keep their own names")
        elif column.formula is not None and name not in computed:
            wrong(f".columns.{name}: a formula gives a number, and {name} is none")
    theirs = [column.name for column in form.columns.values() if column.name is not None and not column.values]
    if repeated := [name for at, name in enumerate(theirs) if name in theirs[:at]]:
        wrong(f".columns gives {repeated[0]} to two columns; keep one of them")
    for name in form.dates:
        if name and name not in dates:
            wrong(f".dates.{name} is not a date of {contract.name}{suggestion(name, dates)}")
    expressions: list[tuple[str, str | None, Kind]] = [
        (f".columns.{name}.formula", form.columns[name].formula, "value") for name in computed if name in form.columns
    ]
    for key, text, kind in [*expressions, (".keep", form.keep, "condition")]:
        if text is not None:
            try:
                expressed.check(text, kind, where + key)
            except InputError as error:
                faults.append(str(error))
    if form.convert:
        money = amounts(contract)
        for name in form.convert.columns or []:
            if name not in money:
                wrong(f".convert.columns: {name} is no amount of {contract.name}{suggestion(name, money)}")
        day = form.convert.date
        if day is not None and day not in dates:
            wrong(f".convert.date: {day} is not a date of {contract.name}{suggestion(day, dates)}")
        if form.convert.rates.convert:
            wrong(".convert.rates: rates cannot be converted themselves")
        try:
            check_form(form.convert.rates, RATES, f"{where}.convert.rates")
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))


def _wrong_below(wrong: Callable[[str], None], place: str, line: str) -> None:
    wrong(place + line)


def _check_kind(form: FileForm, wrong: Callable[[str], None]) -> None:
    """What may be said of a kind of source alone."""
    source = form.source
    if has_secret(source):
        wrong(".source holds a password; put the URL into the environment, and here the variable's name: ${CRM_DB_URL}")
    queried = is_database(source) or ends(source, SQLITE)
    if queried and form.query is None:
        wrong(".query is missing: what is to be read of the database, such as SELECT * FROM orders")
    text = ends(source, CSV)
    fits = {"query": queried, "sheet": ends(source, SHEETS), "delimiter": text, "encoding": text}
    known = queried or ends(source, FORMATS)
    kinds = {"query": "databases", "sheet": "workbooks", "delimiter": "CSV files", "encoding": "CSV files"}
    for name, does in fits.items():
        # the files of a pattern such as data/acme/* may be of any kind
        if known and not does and getattr(form, name) is not None:
            wrong(f".{name} is for {kinds[name]}; {'the source' if is_database(source) else source} is none")
    if known and form.header != 1 and not ends(source, (*CSV, *SHEETS)):
        wrong(".header is for CSV files and workbooks")
