"""`params/<client>.yaml` -> checked values. The parameters cell of a notebook is the schema of its section.

Everything wrong in a file is found before any kernel starts; each fault is one line that names file, key, value, rule
and the nearest known key.
"""

import math
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from crmlab.contract import TABLES, InputError, suggestion
from crmlab.intervals import Target
from crmlab.notebook import RESERVED, Notebook, check_name, parse_day, read_notebooks
from crmlab.privacy import MIN_GROUP
from crmlab.reading.check_form import check_form
from crmlab.reading.form import ColumnForm, ConversionForm, SourceForm, currency_code
from crmlab.reading.urls import without_secrets
from crmlab.reading.yaml_files import read_yaml

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be an IANA time zone such as Asia/Shanghai") from error
    return name


def _as_of(value: Any) -> Any:
    return None if value == "latest" else parse_day(value, "must be a date (YYYY-MM-DD) or latest")


def _target(given: object) -> Target:
    """`0.85`, what a metric should reach, or `at most 0.15`, what it should not exceed."""
    number, at_most = given, False
    if isinstance(given, str) and given.startswith("at most "):
        at_most = True
        try:
            number = float(given.removeprefix("at most "))
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise ValueError("must be a number to reach, such as 0.85, or `at most 0.15`")
    return Target(float(number), at_most)


class _Head(BaseModel):
    """The part of a client's file that does not depend on notebooks."""

    model_config = STRICT
    client: Annotated[str, Field(min_length=1, pattern=r"\S")]
    language: Literal["en", "zh"] = "en"
    currency: Annotated[str, AfterValidator(currency_code)]
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    as_of: Annotated[date | None, BeforeValidator(_as_of)] = None
    engine: Literal["duckdb", "spark"] = "duckdb"
    max_rejected: Annotated[float, Field(ge=0, le=1)] = 0.05
    stale_after_days: Annotated[int, Field(ge=1)] | None = None
    protect: bool = False
    targets: dict[str, Annotated[Target, BeforeValidator(_target)]] = {}
    show: list[str] = []
    min_group: Annotated[int, Field(ge=3)] = MIN_GROUP
    data: Annotated[dict[str, SourceForm], Field(min_length=1)]


@dataclass(frozen=True)
class Project:
    """Where things are.

    Attributes
    ----------
    root
        The folder that a relative `source:` starts from; it holds `notebooks`.
    params
        The folder of the clients' files.
    """

    root: Path
    params: Path

    @property
    def notebooks(self) -> Path:
        """The folder of the notebooks."""
        return self.root / "notebooks"

    def clients(self) -> list[str]:
        """Ids of the clients there are: the stems of the files in `params`, sorted."""
        return sorted(path.stem for path in self.params.glob("*.yaml") if not path.name.startswith("."))


@dataclass(frozen=True)
class Params:
    """A client's checked parameters; `sections` holds, by notebook, what the client's file overrides."""

    id: str
    file: str
    client: str
    language: str
    currency: str
    timezone: str
    as_of: date | None
    engine: str
    max_rejected: float
    stale_after_days: int | None
    protect: bool
    targets: dict[str, Target]
    show: list[str]
    min_group: int
    data: dict[str, SourceForm]
    sections: dict[str, dict[str, Any]]

    def unseen(self, table: str) -> list[str]:
        """Personal columns of a table, which no notebook sees."""
        return [name for name in personal_columns(table, self.data[table]) if name not in self.show]

    def injected(self, notebook: Notebook) -> dict[str, Any]:
        """What papermill injects below the notebook's parameters cell: plain values, dates as text."""
        as_of = self.as_of.isoformat() if self.as_of else "latest"
        return {"client": self.id, "as_of": as_of, **self.sections.get(notebook.name, {})}


def find_project(params: str | Path | None = None, start: Path | None = None) -> Project:
    """The project that the working folder is in: the nearest folder upwards that holds `notebooks` and `params`.

    Parameters
    ----------
    params
        Another folder of clients' files; None takes `CRMLAB_PARAMS` from the environment (set for the kernels of a
        run), then the project's own.

    Raises
    ------
    InputError
        If no folder upwards holds both, or the folder of clients' files does not exist.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "notebooks").is_dir() and (folder / "params").is_dir():
            chosen = params or os.environ.get("CRMLAB_PARAMS") or folder / "params"
            chosen = Path(chosen).resolve()
            if not chosen.is_dir():
                raise InputError(f"{params or chosen}: is not a folder of clients' files")
            return Project(folder, chosen)
    raise InputError(f"{start}: is not inside a crmlab project (a folder that holds notebooks/ and params/)")


def load_params(project: Project, client: str, *, as_of: str | None = None) -> Params:
    """Read and check one client's file.

    Parameters
    ----------
    as_of
        Takes the place of the file's `as_of`.

    Raises
    ------
    InputError
        With one line for each fault.
    """
    path = project.params / f"{client}.yaml"
    if client not in project.clients():
        raise InputError(f"no such client: {client}{suggestion(client, project.clients())}")
    where = f"{project.params.name}/{path.name}"
    check_name(client, where)
    content = read_yaml(path, where)
    notebooks = read_notebooks(project.notebooks)
    if as_of is not None:
        content["as_of"] = as_of
    sections: dict[str, Any] = {
        name: (create_model(name, __config__=STRICT, **_fields(notebook)), ...)
        for name, notebook in notebooks.items()
        if name in content
    }
    model = create_model("Params", __base__=_Head, **sections)
    try:
        checked = model.model_validate(content)
    except ValidationError as error:
        known = {"": [*_Head.model_fields, *notebooks]}
        known |= {name: [p.name for p in notebook.parameters[len(RESERVED) :]] for name, notebook in notebooks.items()}
        # a union gives one fault for each of its types; the first is enough
        lines = {_key(fault): f"{where}: {_line(fault, known)}" for fault in reversed(error.errors())}
        raise InputError(without_secrets("\n".join(reversed(lines.values())))) from None
    _check_tables(checked.data, where)
    _check_shown(checked.show, checked.data, where)
    return Params(
        id=client,
        file=where,
        **{name: getattr(checked, name) for name in _Head.model_fields},
        sections={name: getattr(checked, name).model_dump(mode="json", exclude_unset=True) for name in sections},
    )


def _fields(notebook: Notebook) -> dict[str, Any]:
    return {p.name: (p.type, p.default) for p in notebook.parameters if p.name not in RESERVED}


def _key(fault: dict) -> str:
    """The place of a fault in the file: `as_of`, `value_analysis.margin`, `data.transactions.columns.amount`."""
    loc = [str(part) for part in fault["loc"] if part != ""]
    return ".".join(loc if loc[0] == "data" else loc[:2])


def _line(fault: dict, known: dict[str, list[str]]) -> str:
    """One fault of pydantic's as a line that a reader can act on."""
    key = _key(fault)
    path = key.split(".")
    if fault["type"] == "extra_forbidden":
        parent = ".".join(path[:-1])
        names = _keys_of_a_table(path) if path[0] == "data" else known.get(parent) or known[""]
        return f"{key} is not a parameter{suggestion(path[-1], names)}"
    if fault["type"] == "missing":
        return f"{key} is missing"
    rule = fault["msg"].removeprefix("Value error, ").replace("Input should", "must")
    if fault["type"].startswith(("dict_type", "model_type", "dataclass_type")):
        return f"{key} must hold keys and values, got {fault['input']!r}"
    return f"{key} {rule if rule.startswith('must') else 'is wrong: ' + rule}, got {fault['input']!r}"


def _keys_of_a_table(path: list[str]) -> list[str]:
    """What may stand where an unknown key of `data.<table>` stands."""
    form = ColumnForm if "columns" in path[2:-1] else SourceForm
    if "convert" in path[2:-1] and "rates" not in path[2:-1]:
        form = ConversionForm
    return [field.alias or name for name, field in form.model_fields.items()]


def _check_tables(data: dict[str, SourceForm], where: str) -> None:
    for name, form in data.items():
        if name not in TABLES:
            raise InputError(f"{where}: data.{name} is not a table{suggestion(name, TABLES)}")
        check_form(form, TABLES[name], f"{where}: data.{name}")


def personal_columns(table: str, form: SourceForm) -> list[str]:
    """Columns that say who somebody is: those of the contract, and those that the client's file names."""
    return sorted({column.name for column in TABLES[table].columns if column.personal} | {*form.personal})


def _check_shown(shown: list[str], data: dict[str, SourceForm], where: str) -> None:
    """What is to be shown is personal: all else is shown at any rate."""
    known = sorted({column for table, form in data.items() for column in personal_columns(table, form)})
    for column in shown:
        if column not in known:
            raise InputError(f"{where}: show: {column} is no personal column{suggestion(column, known)}")
