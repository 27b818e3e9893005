"""Which sections of which notebooks a client's tables fill, told from the notebooks themselves.

A notebook's cells are read, not run. `client.optional("payments")` cannot be had without that table; what `attempt`
computes from it cannot either, nor what is computed from that; `given(...)` can do without, and of `first(...)` one is
enough. A section speaks if anything that it shows can be had.
"""

import ast
import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from crmlab.contract import TABLES
from crmlab.notebook import Notebook

# sections of every report that belong to no table
_OF_ALL = ("The bottom line", "Data", "Definitions", "Cautions", "References")
# what a client computes from one table
_AGGREGATES = {
    **dict.fromkeys(
        ("customer_summary", "calibration_holdout_summary", "purchases_after", "adjacent_periods", "calibration_end"),
        "transactions",
    ),
    "payment_summary": "payments",
}
_READERS = ("table", "lazy", "optional")


@dataclass(frozen=True)
class Unlocked:
    """A notebook under some tables: the headings of its sections that speak, none where it is skipped."""

    notebook: Notebook
    sections: tuple[str, ...]


def unlocked(notebook: Notebook, tables: Collection[str]) -> Unlocked:
    """What a notebook says of a client that supplies these tables, as far as their columns allow."""
    lacks = set(notebook.tables) - set(tables) or (notebook.any_of and not set(notebook.any_of) & set(tables))
    return Unlocked(notebook, () if lacks else _sections(notebook, tables))


def added(notebook: Notebook, tables: Collection[str], table: str) -> tuple[str, ...]:
    """Headings of the sections that speak once a table is added to those there are."""
    before = unlocked(notebook, tables).sections
    return tuple(name for name in unlocked(notebook, {*tables, table}).sections if name not in before)


def sharpened(notebook: Notebook, tables: Collection[str], table: str) -> bool:
    """Whether a notebook that runs uses a further table."""
    uses = {*notebook.tables, *notebook.any_of, *notebook.optional}
    return table in uses and bool(unlocked(notebook, tables).sections)


def _sections(notebook: Notebook, tables: Collection[str]) -> tuple[str, ...]:
    cells, computed = _read(notebook.path.read_text(encoding="utf-8"))
    absent: set[str] = set()
    heading, said = "", dict[str, bool]()
    for cell in cells:
        if isinstance(cell, str):
            heading = cell
            continue
        known = _assigned(cell, tables, absent)
        if heading and heading.split(":")[0] not in _OF_ALL:
            said[heading] = said.get(heading, False) or bool(known & computed - absent)
    return tuple(name for name, speaks in said.items() if speaks)


@lru_cache(maxsize=32)  # every question reads all notebooks anew
def _read(text: str) -> tuple[list[str | ast.Module], set[str]]:
    """A notebook's headings and cells of code, in order; and the names that cells compute of the client's tables."""
    cells: list[str | ast.Module] = []
    computed = {"client"}
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cells += [line.removeprefix("## ") for line in source.splitlines() if line.startswith("## ")]
        elif cell["cell_type"] == "code":
            cells.append(tree := ast.parse(source))
            if "parameters" not in cell["metadata"].get("tags", ()):
                _note_computed(tree, computed)
    return cells, computed - {"client"}


def _note_computed(tree: ast.Module, found: set[str]) -> None:
    """Add the names that a cell assigns from what it computes of those found, not from parameters or modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call | ast.Tuple) and _names(node) & found:
            found.update(*map(_names, node.targets))


def _assigned(tree: ast.Module, tables: Collection[str], absent: set[str]) -> set[str]:
    """Note what a cell's assignments leave absent; the names that its other lines use."""
    used: set[str] = set()
    for line in tree.body:
        if not isinstance(line, ast.Assign):
            used |= _names(line)
            continue
        (target,) = line.targets
        pairs = [(target, line.value)]
        if isinstance(target, ast.Tuple) and isinstance(line.value, ast.Tuple):
            pairs = list(zip(target.elts, line.value.elts, strict=True))
        for name, value in pairs:
            if _lacks(value, tables, absent):
                absent |= _names(name)
            else:
                absent -= _names(name)
    return used


def _lacks(node: ast.AST, tables: Collection[str], absent: set[str]) -> bool:
    """Whether a value cannot be had without the tables that are not there."""
    match node:
        case ast.Name(id=name):
            return name in absent
        case ast.Call(func=ast.Name(id="given")):
            return False
        case ast.Call(func=ast.Name(id="first"), args=args):
            return all(_lacks(arg, tables, absent) for arg in args)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="client"), attr=method), args=[ast.Constant(value=table), *_]
        ):
            if method in _READERS and table in TABLES:
                return table not in tables
        case ast.Call(func=ast.Attribute(value=ast.Name(id="client"), attr=method)):
            if method in _AGGREGATES:
                return _AGGREGATES[method] not in tables
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _lacks(left, tables, absent) and _lacks(right, tables, absent)
        case ast.Dict() | ast.List() | ast.Tuple():
            return False
    return any(_lacks(child, tables, absent) for child in ast.iter_child_nodes(node))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
