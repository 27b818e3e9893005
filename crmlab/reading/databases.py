"""Results of queries: of SQLite files by Python's own means, of other databases by SQLAlchemy; read in batches."""

import re
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crmlab.contract import InputError
from crmlab.reading.form import FileForm, SourceForm
from crmlab.reading.opened import Opened, check_header
from crmlab.reading.staging import BATCH, stage
from crmlab.reading.urls import cleared, shown, url

_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def open_sqlite(connection, path: Path, name: str, form: FileForm, *, table: str, where: str) -> Opened:
    """The result of a query of a SQLite file, which is opened for reading alone.

    Raises
    ------
    InputError
        If the query is no SELECT, reads another file, or fails.
    """
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        # what is opened for reading could still attach other files, and write to them
        database.set_authorizer(lambda action, *_about: sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY)
        try:
            cursor = database.execute(form.query)
            if cursor.description is None:
                raise InputError(f"{where}.query: must be one SELECT")
            columns = check_header([column[0] for column in cursor.description], name)
            return stage(connection, enumerate(cursor, 1), columns, name=name, table=table)
        finally:
            database.close()
    except (sqlite3.Error, sqlite3.Warning) as error:
        denied = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH
        said = "it must be one SELECT, which reads this file alone" if denied else error
        raise InputError(f"{name}: {where}.query cannot be run: {said}") from error


def open_query(connection, form: SourceForm, *, table: str, where: str) -> Opened:
    """The result of a query of the database at a URL.

    Raises
    ------
    InputError
        If the variable is not set, the database cannot be reached, or the query fails. No error shows the URL.
    """
    with _database(url(form.source, where), where) as database:
        result = database.exec_driver_sql(form.query)
        if not result.returns_rows:
            raise InputError(f"{where}.query: must be one SELECT")
        columns = check_header([column[0] for column in result.cursor.description], f"{where}.query")
        return stage(connection, enumerate(result, 1), columns, name=f"query of {shown(form.source)}", table=table)


@contextmanager
def _database(address: str, where: str) -> Iterator[Any]:
    """A connection that reads, its results as a stream where the driver can."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise InputError(f"{where}.source: databases need more packages: pip install 'crmlab[databases]'") from error
    # the driver that the extra `databases` brings
    address = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", address)
    try:
        with warnings.catch_warnings():
            # of what a URL says, which may be secret
            warnings.simplefilter("ignore")
            engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool, hide_parameters=True)
            read_only = {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}
            options = {"stream_results": True, "yield_per": BATCH, "no_parameters": True, **read_only}
            with engine.connect().execution_options(**options) as database:
                yield database
    except InputError:
        raise
    except (SQLAlchemyError, ImportError, ValueError, TypeError, OSError) as error:
        # from None: the traceback of a cell would show what the driver says, unshortened
        raise InputError(f"{where}: the database cannot be read: {_told(error, address)}") from None


def _told(error: Exception, address: str) -> str:
    """What a driver says, in one line and without what its URL holds."""
    cause = getattr(error, "orig", None) or error
    # PostgreSQL repeats the query, and the cursor that was made of it
    said = re.split(r"\sLINE \d+:", str(cause))[0]
    return cleared(" ".join(said.split())[:300] or type(cause).__name__, address)
