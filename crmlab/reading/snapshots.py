"""What a query gave, kept for a run: every report of the run reads the same rows, and the database is asked once.

A database has no fingerprint that is cheap. A run takes the snapshots of a client before it decides what is current,
and names their folder in the environment of its kernels (`CRMLAB_SNAPSHOTS`).
"""

import hashlib
import json
import os
from pathlib import Path

from crmlab.reading.databases import open_query
from crmlab.reading.form import SourceForm
from crmlab.reading.opened import Opened
from crmlab.reading.sql import literal, one_file, quoted
from crmlab.reading.urls import shown


def take(connection, form: SourceForm, folder: Path, where: str) -> str:
    """Write the result of a query into a folder of this user's own; a fingerprint of its rows, whatever their order.

    Parameters
    ----------
    where
        The table, as errors name it: `params/acme.yaml: data.transactions`.

    Returns
    -------
    str
        SHA-256 of the columns, their types and the rows.
    """
    path = _path(form, folder, where)
    # taken once in a run: what is read later in it is what was fingerprinted
    if (taken := path.with_suffix(".sha256")).exists():
        return taken.read_text(encoding="utf-8")
    opened = open_query(connection, form, table="snapshot", where=where)
    for each in (path, path.with_suffix(".json")):
        each.touch(mode=0o600)
    # into the file that is there, which nobody else may read
    connection.execute(f"COPY {opened.reader} TO {literal(str(path))} (FORMAT parquet, USE_TMP_FILE false)")
    path.with_suffix(".json").write_text(json.dumps(opened.types), encoding="utf-8")
    # not the row's number: a database gives its rows in any order
    row = ", ".join(f"coalesce('=' || {quoted(column)}, '')" for column in opened.types)
    ((rows, total, parity),) = connection.execute(
        f"SELECT count(*), sum(hash({row})::HUGEINT), bit_xor(hash({row})) FROM {opened.reader}"
    ).fetchall()
    connection.execute(f"DROP TABLE {opened.reader}")
    told = json.dumps([opened.types, rows, str(total), str(parity)], ensure_ascii=False)
    found = hashlib.sha256(told.encode()).hexdigest()
    taken.write_text(found, encoding="utf-8")
    return found


def kept(form: SourceForm, where: str) -> Opened | None:
    """The snapshot of a query that the run has taken, if there is one."""
    folder = os.environ.get("CRMLAB_SNAPSHOTS")
    if not folder or not (path := _path(form, Path(folder), where)).exists():
        return None
    types = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    reader = f"read_parquet({one_file(path)})"
    return Opened(f"query of {shown(form.source)}", str(path), reader, types, quoted("row in the source"), staged=True)


def _path(form: SourceForm, folder: Path, where: str) -> Path:
    asked = json.dumps([where, form.source, form.query], ensure_ascii=False)
    return folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:24]}.parquet"
