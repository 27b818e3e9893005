"""Which files a client's tables come from, how each kind is opened, and a fingerprint of what they hold."""

import glob
import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path, PurePath

from crmlab.contract import InputError, suggestion
from crmlab.params import Params, Project
from crmlab.reading.check_form import CSV, FORMATS, SHEETS, SQLITE, ends
from crmlab.reading.csv_files import open_csv
from crmlab.reading.databases import open_query, open_sqlite
from crmlab.reading.form import FileForm, SourceForm
from crmlab.reading.lookup import joined
from crmlab.reading.opened import Opened, open_parquet
from crmlab.reading.snapshots import kept, take
from crmlab.reading.stores import is_in_store
from crmlab.reading.urls import is_database
from crmlab.reading.workbooks import open_sheet

# a pattern that finds more was meant otherwise
_MOST_FILES = 10_000


def source_files(params: Params, table: str, project: Project) -> list[Path]:
    """The files of a table, in the order of their names, those joined to it, and the rates that it is converted by.

    A database has none, see `is_queried` and `snapshots`; nor has what Spark alone reaches.
    """
    form = params.data[table]
    where = f"{params.file}: data.{table}"
    rates = _files(form.convert.rates, f"{where}.convert.rates", project) if form.convert else []
    return _files(form, where, project) + [path for path, _join in joined_files(params, table, project)] + rates


def joined_files(params: Params, table: str, project: Project) -> list[tuple[Path, FileForm]]:
    """The files that are joined to those of a table, each with how it is opened."""
    form, where = params.data[table], f"{params.file}: data.{table}.join"
    return [(_only(join, where, project), join) for join in form.join]


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
    if is_in_store(form.source):
        raise InputError(f"{where}.source: {form.source} is read by Spark alone; say engine: spark")
    if is_database(form.source):
        found = [kept(form, where) or open_query(connection, form, table=f"read {name}", where=where)]
    else:
        found = [
            _opened(connection, form, path, shown_name(path, project), f"read {name} {order}", where, held)
            for order, path in enumerate(_files(form, where, project))
        ]
    for order, join in enumerate(form.join):
        path, staged = _only(join, f"{where}.join", project), f"join {name} {order}"
        other = _opened(connection, join, path, shown_name(path, project), staged, f"{where}.join", held)
        found = [joined(connection, file, other, join.on, f"{where}.join") for file in found]
    return found


def _opened(connection, form: FileForm, path: Path, shown: str, staged: str, where: str, held: ExitStack) -> Opened:
    if ends(path.name, CSV):
        return open_csv(path, shown, form, held)
    if ends(path.name, SHEETS):
        return open_sheet(connection, path, shown, form, table=staged)
    if ends(path.name, SQLITE):
        return open_sqlite(connection, path, shown, form, table=staged, where=where)
    return open_parquet(connection, path, shown)


def _only(form: FileForm, where: str, project: Project) -> Path:
    """The one file of a join."""
    path, *others = _files(form, where, project)
    if others:
        raise InputError(f"{where}.source: {form.source} finds {1 + len(others)} files; what is joined is one")
    return path


def _files(form: FileForm, where: str, project: Project) -> list[Path]:
    source = form.source
    if is_database(source) or is_in_store(source):
        return []
    base, pattern = _base(source, where, project), project.root / source
    # ~$ begins the name of what Excel writes beside a workbook that is open
    found = (project.root / path for path in glob.iglob(source, root_dir=project.root))
    files = sorted(islice((path for path in found if not path.name.startswith("~$")), _MOST_FILES + 1))
    if len(files) > _MOST_FILES:
        raise InputError(f"{where}.source: {source} finds more than {_MOST_FILES:,} files; name fewer")
    if not files and pattern.is_file():
        files = [pattern]
    if not files:
        beside = [path.name for path in pattern.parent.glob("*")] if pattern.parent.is_dir() else []
        raise InputError(f"{where}.source: no such file: {source}{suggestion(pattern.name, beside)}")
    for path in files:
        if base and not path.resolve().is_relative_to(base.resolve()):
            raise InputError(
                f"{where}.source: {shown_name(path, project)} is a link that leads out of {base.name}/, and is not "
                "followed; copy the file there, or give its own place as an absolute path"
            )
        if not path.is_file():
            raise InputError(f"{where}.source: {source} is not a file")
        if not ends(path.name, FORMATS):
            advice = "; save it as .xlsx" if ends(path.name, (".xls", ".xlsb", ".ods")) else ""
            raise InputError(f"{where}.source: {source}: must be one of {' '.join(FORMATS)}{advice}")
    return files


def _base(source: str, where: str, project: Project) -> Path | None:
    """The folder that no link of a source may lead out of; None where an absolute path says where to look."""
    if PurePath(source).is_absolute():
        return None
    first = PurePath(os.path.normpath(source)).parts[0]
    if first == "..":
        raise InputError(f"{where}.source: {source} leads out of the project; give an absolute path if that is meant")
    return project.root / "data" if first == "data" else project.root


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
