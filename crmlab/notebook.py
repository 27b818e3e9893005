"""What a notebook says of itself: its title, the tables it needs, and the schema of its parameters.

The cell tagged `parameters` is the schema: `horizon_months: "PositiveInt" = 12  # how far ahead to look` declares a
name, a type, a default and a help text. A type that is not a builtin is quoted: `since: "Optional[date]" = None`,
`time_unit: "Literal[day, week]" = "week"`, `margin: "Share" = 1.0` (a fraction from 0 to 1). papermill reads the same
lines, and knows no other form of them.
"""

import ast
import io
import json
import re
import tokenize
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Literal, Optional

from pydantic import BeforeValidator, ConfigDict, Field, NonNegativeFloat, TypeAdapter, ValidationError

from crmlab.contract import FIRST_YEAR, LAST_YEAR, TABLES, InputError, suggestion
from crmlab.parsing import parsed


def parse_day(value: Any, rule: str = "must be a date (YYYY-MM-DD)") -> date:
    """A date from text such as 1998-06-30; anything else breaks `rule`.

    Raises
    ------
    ValueError
        If it is no such date, or of a year outside 1900 to 2199; the message is `rule`.
    """
    try:
        # fromisoformat alone takes 2025-W10-1 too
        day = datetime.strptime(value, "%Y-%m-%d").date()
    except (TypeError, ValueError) as error:
        raise ValueError(rule) from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{rule} from {FIRST_YEAR} to {LAST_YEAR}")
    return day


Day = Annotated[date, BeforeValidator(parse_day)]
RESERVED = ("client", "as_of")
_TYPES = {
    **{"int": int, "float": float, "str": str, "bool": bool, "date": Day, "list": list, "dict": dict},
    "PositiveInt": Annotated[int, Field(ge=1, le=1_000_000)],
    "NonNegativeInt": Annotated[int, Field(ge=0, le=2**32 - 1)],
    "NonNegativeFloat": NonNegativeFloat,
    "Months": Annotated[int, Field(ge=1, le=600)],
    "Share": Annotated[float, Field(ge=0, le=1)],
    "OpenShare": Annotated[float, Field(gt=0, lt=1)],
}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    type: Any
    default: Any
    help: str


@dataclass(frozen=True)
class Notebook:
    """One analysis.

    Attributes
    ----------
    tables, any_of, optional
        Names of the tables it cannot do without, of those of which it needs at least one, and of those it uses where
        there are any.
    needs
        Names of the notebooks whose results it reads.
    """

    path: Path
    title: str
    tables: tuple[str, ...]
    any_of: tuple[str, ...]
    optional: tuple[str, ...]
    needs: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    @property
    def name(self) -> str:
        """The stem of its file, by which parameters, reports and other notebooks know it."""
        return self.path.stem


def is_name(name: str) -> bool:
    """Whether a name is of letters, digits, _ and -."""
    return bool(re.fullmatch(r"[\w-]+", name))


def check_name(name: str, where: str) -> str:
    """A client's or notebook's name, which becomes the name of a folder or file.

    Raises
    ------
    InputError
        If it could leave its folder, or collide with another file there.
    """
    if not is_name(name):
        raise InputError(f"{where}: its name must be of letters, digits, _ and -, got {name!r}; rename the file")
    return name


def read_notebook(path: Path) -> Notebook:
    """Read what `path` says of itself.

    Raises
    ------
    InputError
        If it is no notebook, or its metadata or parameters cell cannot be understood.
    """
    where = f"notebooks/{path.name}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        about = dict(content["metadata"].get("crmlab", {}))
        cells = [cell for cell in content["cells"] if "parameters" in cell["metadata"].get("tags", ())]
        sources = ["".join(cell["source"]) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: is not a readable notebook: {error}") from error
    for table in (*about.get("tables", ()), *about.get("any_of", ()), *about.get("optional", ())):
        if table not in TABLES:
            raise InputError(
                f"{where}: metadata names table {table}, which is not in the contract{suggestion(table, TABLES)}"
            )
    if len(sources) != 1:
        raise InputError(f"{where}: must have one cell tagged `parameters`, has {len(sources)}")
    return Notebook(
        path=path,
        title=about.get("title", path.stem.replace("_", " ").capitalize()),
        tables=tuple(about.get("tables", ())),
        any_of=tuple(about.get("any_of", ())),
        optional=tuple(about.get("optional", ())),
        needs=tuple(about.get("needs", ())),
        parameters=read_parameters(sources[0], where),
    )


def read_notebooks(folder: Path) -> dict[str, Notebook]:
    """All notebooks of a folder by name, in the order of their names.

    Raises
    ------
    InputError
        If there is none in the folder, or one cannot be read.
    """
    paths = sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    found = {path.stem: read_notebook(path) for path in paths if check_name(path.stem, f"notebooks/{path.name}")}
    if not found:
        raise InputError(f"{folder.name}/: holds no notebook")
    return found


def read_parameters(source: str, where: str) -> tuple[Parameter, ...]:
    """What the source of a parameters cell declares; `where` names its notebook in errors.

    Raises
    ------
    InputError
        If a line is no declaration, its default is not of its type, or `client` and `as_of` do not come first.
    """
    try:
        lines = parsed(source).body
    except SyntaxError as error:
        raise InputError(f"{where}: parameters cell, line {error.lineno}: {error.msg}") from error
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = []
    for line in lines:
        try:
            found.append(_parameter(line, comments.get(line.end_lineno, "")))
        except ValidationError as error:
            fault = error.errors()[0]["msg"].replace("Input should", "must")
            raise InputError(f"{where}: parameters cell, line {line.lineno}: the default {fault}") from error
        except ValueError as error:
            raise InputError(f"{where}: parameters cell, line {line.lineno}: {error}") from error
    if [parameter.name for parameter in found[: len(RESERVED)]] != list(RESERVED):
        raise InputError(f"{where}: the parameters cell must begin with {' and '.join(RESERVED)}")
    return tuple(found)


def _parameter(line: ast.stmt, help_text: str) -> Parameter:
    if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name) or line.value is None:
        raise ValueError("must read `name: type = default`")
    annotation = line.annotation
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = parsed(annotation.value, mode="eval").body
    parameter = Parameter(line.target.id, _type(annotation), default=ast.literal_eval(line.value), help=help_text)
    TypeAdapter(parameter.type, config=ConfigDict(strict=True)).validate_python(parameter.default)
    return parameter


def _type(node: ast.expr) -> Any:
    """The type that an annotation names; built from its parts, never evaluated."""
    match node:
        case ast.Name(id=name) if name in _TYPES:
            return _TYPES[name]
        case ast.Subscript(value=ast.Name(id="Optional"), slice=item):
            return Optional[_type(item)]  # noqa: UP045
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=choices)):
            return Literal[tuple(choice.id for choice in choices if isinstance(choice, ast.Name))]
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return GenericAlias(list, _type(item))
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, value])):
            return GenericAlias(dict, (_type(key), _type(value)))
    raise ValueError(
        f"{ast.unparse(node)} is not a type a parameter can have; known: {', '.join(_TYPES)}, Optional, Literal"
    )
