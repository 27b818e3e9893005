"""Which files a client's tables come from, how each kind is opened, and a fingerprint of what they hold."""

import glob
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from crmlab.contract import InputError, suggestion
from crmlab.params import Params, Project
from crmlab.reading.check_form import CSV, FORMATS, SHEETS, SQLITE, ends
from crmlab.reading.csv_files import open_csv
from crmlab.reading.databases import open_query, open_sqlite
from crmlab.reading.form import SourceForm
from crmlab.reading.opened import Opened, open_parquet
from crmlab.reading.snapshots import kept, take
from crmlab.reading.stores import is_in_store
from crmlab.reading.urls import is_database
from crmlab.reading.workbooks import open_sheet


def source_files(params: Params, table: str, project: Project) -> list[Path]:
    """The files of a table, in the order of their names, and those of the rates that it is converted by.

    A database has none, see `is_queried` and `snapshots`; nor has what Spark alone reaches.
    """
    form = params.data[table]
    where = f"{params.file}: data.{table}"
    rates = _files(form.convert.rates, f"{where}.convert.rates", project) if form.convert else []
    return _files(form, where, project) + rates


def is_queried(form: SourceForm) -> bool:
    """Whether a table, or the rates that it is converted by, comes from a database: that has no fingerprint."""
    return is_database(form.source) or (form.convert is not None and is_database(form.convert.rates.source))


def in_store(form: SourceForm) -> bool:
    """Whether a table stands where Spark alone reaches it: that has no fingerprint either."""
    return is_in_store(form.source)


def snapshots(connection, params: Params, table: str, folder: Path) -> list[str]:
    """Keep in a folder what the queries of a table give, its rates' too; a fingerprint of each."""
    form, where = params.data[table], f"{params.file}: data.{table}"
    asked = [(form, where)] + ([(form.convert.rates, f"{where}.convert.rates")] if form.convert else [])
    return [take(connection, each, folder, place) for each, place in asked if is_database(each.source)]


def opened(connection, form: SourceForm, project: Project, name: str, where: str, held: ExitStack) -> Sequence[Opened]:
    """Every file of a table, or the result of its query, as SQL; what is `held` must stay open until it is read.

    Raises
    ------
    InputError
        If one is missing or cannot be read.
    """
    if is_database(form.source):
        return [kept(form, where) or open_query(connection, form, table=f"read {name}", where=where)]
    if is_in_store(form.source):
        raise InputError(f"{where}.source: {form.source} is read by Spark alone; say engine: spark")
    found = []
    for order, path in enumerate(_files(form, where, project)):
        shown, staged = shown_name(path, project), f"read {name} {order}"
        if ends(path.name, CSV):
            found.append(open_csv(path, shown, form, held))
        elif ends(path.name, SHEETS):
            found.append(open_sheet(connection, path, shown, form, table=staged))
        elif ends(path.name, SQLITE):
            found.append(open_sqlite(connection, path, shown, form, table=staged, where=where))
        else:
            found.append(open_parquet(connection, path, shown))
    return found


def _files(form: SourceForm, where: str, project: Project) -> list[Path]:
    source = form.source
    if is_database(source) or is_in_store(source):
        return []
    pattern = Path(source) if Path(source).is_absolute() else project.root / source
    # ~$ begins the name of what Excel writes beside a workbook that is open
    files = sorted(Path(path) for path in glob.glob(str(pattern)) if not Path(path).name.startswith("~$"))
    if not files and pattern.is_file():
        files = [pattern]
    if not files:
        beside = [path.name for path in pattern.parent.glob("*")] if pattern.parent.is_dir() else []
        raise InputError(f"{where}.source: no such file: {source}{suggestion(pattern.name, beside)}")
    for path in files:
        if not path.is_file():
            raise InputError(f"{where}.source: {source} is not a file")
        if not ends(path.name, FORMATS):
            advice = "; save it as .xlsx" if ends(path.name, (".xls", ".xlsb", ".ods")) else ""
            raise InputError(f"{where}.source: {source}: must be one of {' '.join(FORMATS)}{advice}")
    return files


def fingerprint(files: list[Path]) -> str:
    """SHA-256 over the contents of files.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        # what SQLite has not yet written into the file itself stands beside it
        for part in (path, path.with_name(path.name + "-wal")) if ends(path.name, SQLITE) else (path,):
            try:
                with part.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
            except OSError as error:
                if part is not path and not part.exists():
                    continue
                raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def shown_name(path: Path, project: Project) -> str:
    """A file as messages and reports name it: relative to the project, else its name alone."""
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else path.name
