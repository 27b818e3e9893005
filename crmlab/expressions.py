"""Conditions and derived columns that an analyst writes in YAML: read into a tree, checked, and never run as a program.

A condition: `value == 'high' and satisfaction in ['low', 'medium']`, `overdue_amount > 2 * revenue / 12`,
``not (`unit price` > 10)``. A value: `quantity * unit_price`. Names with blanks stand in backticks.

Whatever is not known (an empty cell, a NaN, a division by zero) makes a comparison neither true nor false, and so does
its `not`; a condition holds only where it is true. Numbers are computed as 64-bit floats on every engine.
"""

import ast
import operator
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from unicodedata import normalize

from crmlab.contract import suggestion

if TYPE_CHECKING:
    import narwhals as nw
    import numpy as np
    import pandas as pd

_ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_ORDER = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
_COMPARES = _ORDER | {ast.Eq: operator.eq, ast.NotEq: operator.ne}
_ALLOWED = (
    *_ARITHMETIC, *_COMPARES, ast.In, ast.NotIn, ast.And, ast.Or, ast.Not, ast.USub, ast.Load,
    ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name, ast.Constant, ast.List,
)  # fmt: skip
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
    """

    text: str
    names: tuple[str, ...]
    kind: str
    kinds: Mapping[str, str | tuple[str, ...]]
    _tree: ast.expr
    _columns: Mapping[str, str]

    def to_narwhals(self) -> "nw.Expr":
        """For frames of any engine: true or false in every row of a condition; null where a value is not known."""
        return _Compiler(self.text, self.kinds, self._columns).compiled(self._tree, self.kind)

    def holds(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Whether a condition holds, for each row of a pandas frame; ValueError where its columns do not fit."""
        import narwhals as nw

        if missing := [name for name in self.names if name not in frame]:
            raise ValueError(f"{self.text!r} reads {missing[0]}, which the frame does not have")
        read = frame[list(self.names)].reset_index(drop=True)
        kinds = {name: kind for name in self.names if (kind := _kind_of(read[name]))}
        truth = _Compiler(self.text, kinds, self._columns).compiled(self._tree, self.kind)
        return nw.from_native(read).select(truth=truth)["truth"].to_numpy().astype(bool)


def parse(
    text: str, known: Iterable[str] | Mapping[str, str], *, kind: Literal["condition", "value"] = "condition"
) -> Expression:
    """Read and check an expression.

    Parameters
    ----------
    known
        Columns that it may read; a mapping says of each whether it is a `number`, `text`, `boolean` or `date`, or which
        texts it may hold; else that follows from how it is used.

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
        with warnings.catch_warnings():
            # Python remarks on escapes and on `is`, which are refused below
            warnings.simplefilter("ignore")
            tree = ast.parse(plain, mode="eval").body
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


class _Side(NamedTuple):
    """A value within an expression: a narwhals expression or a constant, and what must be true for it to be known."""

    value: Any
    kind: str
    known: tuple = ()
    choices: tuple = ()


@dataclass(frozen=True)
class _Compiler:
    """Makes narwhals expressions of the nodes of a tree."""

    text: str
    kinds: Mapping[str, str | tuple[str, ...]]
    columns: Mapping[str, str]

    def compiled(self, tree: ast.expr, kind: str) -> "nw.Expr":
        if kind == "condition":
            return self._truth(tree)[0]
        import narwhals as nw

        side = self._side(tree, "any")
        return nw.when(reduce(operator.and_, side.known)).then(side.value)

    def _truth(self, node: ast.expr) -> tuple["nw.Expr", "nw.Expr"]:
        """Where a condition is true, and where it is false: neither, where something is not known."""
        match node:
            case ast.BoolOp(op=op, values=values):
                true, false = zip(*map(self._truth, values), strict=True)
                every, some = (true, false) if isinstance(op, ast.And) else (false, true)
                both, either = reduce(operator.and_, every), reduce(operator.or_, some)
                return (both, either) if isinstance(op, ast.And) else (either, both)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._truth(operand)[::-1]
            case ast.Compare(left=left, ops=ops, comparators=others):
                expected = self._expected((left, *others))
                sides = [self._side(each, expected) for each in (left, *others)]
                pairs = [self._compared(*each) for each in zip(sides, ops, sides[1:], strict=False)]
                true, false = zip(*pairs, strict=True)
                return reduce(operator.and_, true), reduce(operator.or_, false)
            case ast.Name(id=name) if self.kinds.get(self.columns[name], "boolean") == "boolean":
                side = self._side(node, "boolean")
                known = reduce(operator.and_, side.known)
                return known & side.value, known & ~side.value
        raise self._wrong("must compare something, such as risk == 'high'")

    def _compared(self, before: _Side, op: ast.cmpop, after: _Side) -> tuple["nw.Expr", "nw.Expr"]:
        if not before.known + after.known:
            raise self._wrong("compares two values that never change")
        among = isinstance(op, (ast.In, ast.NotIn))
        if among != isinstance(after.value, list) or isinstance(before.value, list):
            raise self._wrong("must give `in` a list, such as ['high', 'default'], and a list to nothing else")
        if before.kind != after.kind:
            raise self._wrong(f"compares a {before.kind} with a {after.kind}")
        if before.kind == "boolean":
            raise self._wrong("compares what is true or false by itself: write the name alone, or with not")
        self._check_choices(before, after)
        held = before.value.is_in(after.value) if among else _COMPARES[type(op)](before.value, after.value)
        held = ~held if isinstance(op, ast.NotIn) else held
        known = reduce(operator.and_, before.known + after.known)
        return known & held, known & ~held

    def _check_choices(self, *sides: _Side) -> None:
        values = [value for side in sides for value in (side.value if isinstance(side.value, list) else [side.value])]
        for choices in (side.choices for side in sides if side.choices):
            for text in values:
                if isinstance(text, str) and text not in choices:
                    raise self._wrong(f"compares with {text!r}, which it never is{suggestion(text, choices)}")

    def _expected(self, nodes: tuple[ast.expr, ...]) -> str:
        """What columns of a kind not stated hold: that which they are compared with."""
        names = [self.columns[node.id] for node in nodes if isinstance(node, ast.Name)]
        stated = [_kind_and_choices(self.kinds[name])[0] for name in names if name in self.kinds]
        text = any(isinstance(getattr(part, "value", None), str) for node in nodes for part in ast.walk(node))
        return stated[0] if stated else "text" if text else "number"

    def _side(self, node: ast.expr, expected: str = "number") -> _Side:
        match node:
            case ast.Name(id=name):
                return self._named(self.columns[name], expected)
            case ast.Constant(value=str(value)):
                return _Side(value, "text")
            case ast.Constant(value=value):
                return _Side(float(value), "number")
            case ast.List(elts=parts):
                sides = [self._side(part) for part in parts]
                kinds = {side.kind for side in sides}
                if len(kinds) != 1 or any(side.known or isinstance(side.value, list) for side in sides):
                    raise self._wrong("must hold in a list numbers or texts alone, and at least one")
                return _Side([side.value for side in sides], kinds.pop())
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                side = self._number(operand)
                return side._replace(value=-side.value)
            case ast.BinOp(left=left, op=op, right=right):
                return self._computed(self._number(left), op, self._number(right))
        raise self._wrong("uses a condition where a value is needed")

    def _computed(self, left: _Side, op: ast.operator, right: _Side) -> _Side:
        if isinstance(op, ast.Div) and isinstance(right.value, float) and right.value == 0:
            raise self._wrong("divides by zero")
        value = _ARITHMETIC[type(op)](left.value, right.value)
        if isinstance(value, float):
            return _Side(value, "number")
        divisor = (right.value != 0,) if isinstance(op, ast.Div) and right.known else ()
        return _Side(value, "number", (*left.known, *right.known, *divisor, value.is_finite()))

    def _named(self, name: str, expected: str) -> _Side:
        import narwhals as nw

        kind, choices = _kind_and_choices(self.kinds.get(name, expected))
        types = {"number": nw.Float64, "text": nw.String, "boolean": nw.Boolean}
        column = nw.col(name).cast(types[kind]) if kind in types else nw.col(name)
        known = (~nw.col(name).is_null(),)
        return _Side(column, kind, (*known, ~column.is_nan()) if kind == "number" else known, choices)

    def _number(self, node: ast.expr) -> _Side:
        side = self._side(node)
        if side.kind != "number" or isinstance(side.value, list):
            raise self._wrong(f"computes with a {'list' if isinstance(side.value, list) else side.kind}")
        return side

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"{self.text!r} {what}")


def _kind_and_choices(stated: str | tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    return (stated, ()) if isinstance(stated, str) else ("text", tuple(stated))


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
