"""The reference pages of the documentation, made from the contract, the indicators and the notebooks themselves.

`crmlab docs` writes them into `docs/`; a test holds that they are in step.
"""

import json
import types
import typing
from collections.abc import Iterable
from datetime import date

from crmlab.contract import FIRST_YEAR, LAST_YEAR, TABLES, Column, Table
from crmlab.diagnosis.indicators import DEFAULTS, PARTS, SOURCES, Indicator
from crmlab.messages import LANGUAGES, N_, _, clauses, listed, markdown, sentences, speaking, spoken
from crmlab.notebook import RESERVED, Notebook, read_notebooks
from crmlab.onboarding.names import known_names
from crmlab.params import Project

_KINDS = {
    "id": N_("text (an id)"),
    "text": N_("text"),
    "date": N_("date or time"),
    "number": N_("number"),
    "integer": N_("whole number"),
    "boolean": N_("true or false"),
    "choice": N_("one of"),
}
_MADE = "<!-- made by `make docs`; a change by hand is lost -->"


def pages(project: Project) -> dict[str, str]:
    """By name in `docs/`: the data dictionary and the glossary, in each language."""
    notebooks = list(read_notebooks(project.notebooks).values())
    made = {}
    for language in LANGUAGES:
        suffix = "" if language == "en" else f".{language}"
        with speaking(language):
            made[f"data_dictionary{suffix}.md"] = _dictionary(notebooks)
            made[f"glossary{suffix}.md"] = _glossary(notebooks)
    return made


def _dictionary(notebooks: Iterable[Notebook]) -> str:
    first, last = FIRST_YEAR, LAST_YEAR
    rules = _(
        "Ids are text. Amounts are in the client's currency. Dates lie between {first} and {last}; what states a time "
        "zone is converted to the client's. A row that breaks a rule is counted, shown with its reason, and left out."
    )
    parts = [
        _MADE,
        "# " + _("Data dictionary"),
        rules.format(first=first, last=last),
        "## " + _("Tables"),
        *map(_table, TABLES.values()),
        "## " + _("Parameters"),
        _("A section of the notebook's name in the client's file overrides them."),
        *map(_parameters, notebooks),
    ]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    head = (_("Column"), _("Required"), _("Type"), _("Meaning"), _("Also called"))
    rows = [
        (f"`{column.name}`", _("yes") if column.required else "", _values(column), _(column.help),
         listed(_names(table, column)))
        for column in table.columns
    ]  # fmt: skip
    notes = []
    if table.unique:
        notes.append(_("{columns} may stand there once.").format(columns=listed(f"`{name}`" for name in table.unique)))
    for earlier, later in table.ordered:
        notes.append(_("{later} may not precede {earlier}.").format(later=f"`{later}`", earlier=f"`{earlier}`"))
    if personal := [f"`{column.name}`" for column in table.columns if column.personal]:
        notes.append(
            _("Personal, and seen only where the client's file says so: {columns}.").format(columns=listed(personal))
        )
    if table.any_columns:
        notes.append(_("Further columns are kept, as covariates."))
    about = [f"### `{table.name}`", _(table.help), _rows(head, rows), *([sentences(*notes)] if notes else [])]
    return "\n\n".join(about)


def _names(table: Table, column: Column) -> list[str]:
    """The likeliest names in files, of the language that is spoken."""
    chinese = spoken() == "zh"
    return [name for name in known_names()[table.name][column.name] if name.isascii() != chinese][:3]


def _values(column: Column) -> str:
    kind = _(_KINDS[column.kind])
    if column.choices:
        return f"{kind} {listed(column.choices)}"
    bounds = []
    if column.low is not None:
        bounds.append(_("at least {low}").format(low=f"{column.low:g}"))
    if column.high is not None:
        bounds.append(_("at most {high}").format(high=f"{column.high:g}"))
    return clauses([kind, *bounds])


def _parameters(notebook: Notebook) -> str:
    head = (_("Parameter"), _("Type"), _("Default"), _("Meaning"))
    rows = [
        (f"`{parameter.name}`", _type(parameter.type), f"`{json.dumps(parameter.default, ensure_ascii=False)}`",
         _(parameter.help))
        for parameter in notebook.parameters if parameter.name not in RESERVED
    ]  # fmt: skip
    return "\n\n".join([f"### `{notebook.name}`: {_(notebook.title)}", _rows(head, rows)])


def _type(declared: typing.Any) -> str:
    """A parameter's type in words."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin is typing.Literal:
        return listed(f"`{choice}`" for choice in arguments)
    if origin is typing.Annotated:
        limits = [str(limit) for field in arguments[1:] for limit in getattr(field, "metadata", (field,))]
        return clauses([_type(arguments[0]), *(f"`{limit}`" for limit in map(_limit, limits) if limit)])
    if origin in (typing.Union, types.UnionType):
        return _("{type}, or none").format(type=listed(_type(each) for each in arguments if each is not type(None)))
    known = {int: _("whole number"), float: _("number"), str: _("text"), bool: _("true or false"), date: _("date")}
    return known.get(declared) or {list: _("list"), dict: _("keys and values")}.get(origin or declared, "")


def _limit(limit: str) -> str:
    """`Ge(ge=0)` as `≥ 0`; nothing of a limit that is no bound."""
    sign, _equals, number = limit.rstrip(")").partition("=")
    signs = {"Ge(ge": "≥", "Gt(gt": ">", "Le(le": "≤", "Lt(lt": "<"}
    return f"{signs[sign]} {number}" if sign in signs else ""


def _glossary(notebooks: Iterable[Notebook]) -> str:
    parts = [_MADE, "# " + _("Glossary"), _("Terms as the reports use them, by report.")]
    for notebook in notebooks:
        parts += [f"## {_(notebook.title)}", *_definitions(notebook)]
    head = (_("Indicator"), _("Metric"), _("Part"), _("Report"), _("Scores 0 at"), _("Scores 100 at"))
    parts += ["## " + _("Indicators of the diagnosis"), _rows(head, map(_indicator, DEFAULTS))]
    return "\n\n".join(parts) + "\n"


def _definitions(notebook: Notebook) -> list[str]:
    cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    found = [text.partition("## Definitions")[2].strip() for text in texts if text.startswith("## Definitions")]
    return [markdown(text) for text in found]


def _indicator(indicator: Indicator) -> tuple[str, ...]:
    ends = [_("only shown") if end is None else f"{end:g}" for end in (indicator.floor, indicator.target)]
    return (
        *(_(indicator.label), f"`{indicator.name}`", _(PARTS[indicator.part][0]), _(SOURCES[indicator.source])),
        *ends,
    )


def _rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    lines = [[str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(lines[0]), *lines[1:]))
