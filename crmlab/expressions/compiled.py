"""From the tree of an expression to columns of any engine, with what must be true for a value to be known."""

import ast
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from crmlab.contract import suggestion

if TYPE_CHECKING:
    import narwhals as nw

ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_ORDER = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
COMPARES = _ORDER | {ast.Eq: operator.eq, ast.NotEq: operator.ne}


class _Side(NamedTuple):
    """A value within an expression: a narwhals expression or a constant, and what must be true for it to be known."""

    value: Any
    kind: str
    known: tuple = ()
    choices: tuple = ()


@dataclass(frozen=True)
class Compiler:
    """Makes narwhals expressions of the nodes of a tree; attributes as of `crmlab.expressions.Expression`."""

    text: str
    kinds: Mapping[str, str | tuple[str, ...]]
    columns: Mapping[str, str]

    def compiled(self, tree: ast.expr, kind: str) -> "nw.Expr":
        """A condition as true or false, a value as itself or null; a `ValueError` where it makes no sense."""
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
        held = before.value.is_in(after.value) if among else COMPARES[type(op)](before.value, after.value)
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
            case ast.Constant(value=int() | float() as value):
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
        value = ARITHMETIC[type(op)](left.value, right.value)
        if isinstance(value, float):
            return _Side(value, "number")
        divisor = (right.value != 0,) if isinstance(op, ast.Div) and right.known else ()
        return _Side(value, "number", (*left.known, *right.known, *divisor, value.is_finite()))

    def _named(self, name: str, expected: str) -> _Side:
        import narwhals as nw

        kind, choices = _kind_and_choices(self.kinds.get(name, expected))
        types: dict[str, Any] = {"number": nw.Float64, "text": nw.String, "boolean": nw.Boolean}
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
