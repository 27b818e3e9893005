"""Conditions and derived columns that an analyst writes in YAML: read into a tree, checked, and never run as a program.

A condition: `value == 'high' and satisfaction in ['low', 'medium']`, `overdue_amount > 2 * revenue / 12`,
``not (`unit price` > 10)``. A value: `quantity * unit_price`. Names with blanks stand in backticks.

Whatever is not known (an empty cell, a NaN, a division by zero) makes a comparison neither true nor false, and so does
its `not`; a condition holds only where it is true. Numbers are computed as 64-bit floats on every engine.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from unicodedata import normalize

from crmlab.contract import suggestion
from crmlab.expressions.compiled import ARITHMETIC, COMPARES, Compiler
from crmlab.parsing import parsed

if TYPE_CHECKING:
    import narwhals as nw
    import numpy as np
    import pandas as pd

__all__ = ["Expression", "Kind", "parse"]

_ALLOWED = (
    *ARITHMETIC, *COMPARES, ast.In, ast.NotIn, ast.And, ast.Or, ast.Not, ast.USub, ast.Load,
    ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name, ast.Constant, ast.List,
)  # fmt: skip
Kind = Literal["condition", "value"]
_RULE = "only names, numbers, quoted texts, lists of them, comparisons, in, and, or, not, + - * / are allowed"
_EXAMPLES = {"condition": "risk == 'high' and clv > 1000", "value": "quantity * unit_price"}
# longer and deeper than anybody would write, and quick to read
_LONGEST, _DEEPEST = 500, 30
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`([^`\n]+)`""")


@dataclass(frozen=True, eq=False)
class Expression:
    """A condition on the columns of a table, or a value computed from them.

    Attributes
    ----------
    text
        As it was written.
    names
        Columns that it reads.
    kind
        `condition` or `value`.
    kinds
        Of the columns it reads, where it is stated: `number`, `text`, `boolean`, `date`, or the texts it may hold.
    tree
        In Python's grammar, of those nodes alone that are allowed.
    columns
        By the name that the tree has, the column that is meant.
    """

    text: str
    names: tuple[str, ...]
    kind: Kind
    kinds: Mapping[str, str | tuple[str, ...]]
    tree: ast.expr
    columns: Mapping[str, str]

    def to_narwhals(self) -> "nw.Expr":
        """For frames of any engine: true or false in every row of a condition; null where a value is not known.

        What a condition says is neither true nor false where something is not known; such a row is false here.
        """
        return Compiler(self.text, self.kinds, self.columns).compiled(self.tree, self.kind)

    def holds(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Whether a condition holds, for each row of a pandas frame; it does not where something is not known.

        Raises
        ------
        ValueError
            If the frame lacks a column that it reads, or one holds what the condition does not fit.
        """
        import narwhals as nw

        if missing := [name for name in self.names if name not in frame]:
            raise ValueError(f"{self.text!r} reads {missing[0]}, which the frame does not have")
        read = frame[list(self.names)].reset_index(drop=True)
        kinds = {name: kind for name in self.names if (kind := _kind_of(read[name]))}
        truth = Compiler(self.text, kinds, self.columns).compiled(self.tree, self.kind)
        return nw.from_native(read).select(truth=truth)["truth"].to_numpy().astype(bool)


def parse(text: str, known: Iterable[str] | Mapping[str, str], *, kind: Kind = "condition") -> Expression:
    """Read and check an expression.

    Parameters
    ----------
    text
        As an analyst writes it, 500 characters at most; see the module.
    known
        Columns that it may read; a mapping says of each whether it is a `number`, `text`, `boolean` or `date`, or which
        texts it may hold; else that follows from how it is used.
    kind
        `condition`, true or false in each row, or `value`, a number computed from columns.

    Raises
    ------
    ValueError
        If it is no such expression, or names a column or text that is not known, with the nearest known one.
    """
    stated, known = dict(known) if isinstance(known, Mapping) else {}, list(known)
    example = f"such as {_EXAMPLES[kind]}"
    if not isinstance(text, str) or not 0 < len(text.strip()) <= _LONGEST:
        raise ValueError(f"a {kind} must be a text of 1 to {_LONGEST} characters, {example}, got {str(text)[:40]!r}")
    plain, quoted = _without_backticks(text.strip())
    try:
        tree = parsed(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} cannot be read as a {kind}, {example}") from None
    _check_nodes(tree, text)
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    # Python reads letters of other widths as the plain ones
    plainly = {normalize("NFKC", name): name for name in known}
    columns = {name: quoted.get(name) or plainly.get(name, name) for name in read}
    for name in sorted(columns.values()):
        if name not in known:
            raise ValueError(f"{text!r} reads {name}, which is not known{suggestion(name, known)}")
    if not columns:
        raise ValueError(f"{text!r} reads no column; a {kind} is one {example}")
    names = tuple(sorted(set(columns.values())))
    made = Expression(text, names, kind, {name: stated[name] for name in names if stated}, tree, columns)
    # what makes no sense is found here, not when a table is read
    made.to_narwhals()
    return made


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """The text with plain names for those in backticks, and what these stand for."""
    quoted: dict[str, str] = {}

    def plain(found: re.Match) -> str:
        if found[1] is None:
            return found[0]
        stem = f"quoted_{len(quoted)}_"
        while stem in text:
            stem += "_"
        quoted[stem] = found[1]
        return f" {stem} "

    return _QUOTED.sub(plain, text).strip(), quoted


def _check_nodes(tree: ast.expr, text: str) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f"{text!r} is nested too deeply")
        for node in level:
            if not isinstance(node, _ALLOWED):
                raise ValueError(f"{text!r} uses {type(node).__name__}; {_RULE}")
            # constants alone have one
            value = getattr(node, "value", "")
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                raise ValueError(f"{text!r} uses {value!r}; {_RULE}")
            if not isinstance(value, str) and not abs(value) < 1e300:
                raise ValueError(f"{text!r} uses a number that is too large")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _kind_of(values: "pd.Series") -> str | None:
    """What a column holds; None where it is empty throughout."""
    import pandas as pd

    if values.isna().all():
        return None
    held = pd.api.types.infer_dtype(values.astype(object), skipna=True)
    known = {"boolean": "boolean", "string": "text", "date": "date", "datetime": "date"}
    known |= dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "number")
    if held not in known:
        raise ValueError(f"the column {values.name} holds numbers and texts mixed")
    return known[held]
