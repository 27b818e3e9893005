"""Which files a client's tables come from, and a fingerprint of what they hold."""

import glob
import hashlib
from pathlib import Path

from crmlab.contract import InputError, suggestion
from crmlab.params import Params, Project

FORMATS = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet"}


def source_files(params: Params, table: str, project: Project) -> list[Path]:
    """The files of a table, in the order of their names."""
    source = params.data[table].source
    where = f"{params.file}: data.{table}.source"
    pattern = Path(source) if Path(source).is_absolute() else project.root / source
    files = sorted(Path(path) for path in glob.glob(str(pattern)))
    if not files and pattern.is_file():
        files = [pattern]
    if not files:
        beside = [path.name for path in pattern.parent.glob("*")] if pattern.parent.is_dir() else []
        raise InputError(f"{where}: no such file: {source}{suggestion(pattern.name, beside)}")
    for path in files:
        if not path.is_file():
            raise InputError(f"{where}: {source} is not a file")
        if file_format(path) is None:
            raise InputError(f"{where}: {source}: must be one of {' '.join(FORMATS)}")
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
        try:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def file_format(path: Path) -> str | None:
    """`csv` or `parquet`, by the ending of the file's name; None if it is neither."""
    return next((kind for suffix, kind in FORMATS.items() if path.name.lower().endswith(suffix)), None)


def shown_name(path: Path, project: Project) -> str:
    """A file as messages and reports name it: relative to the project, else its name alone."""
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else path.name
