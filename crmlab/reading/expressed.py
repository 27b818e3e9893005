"""Conditions and formulas of a client's file over the columns of what it sent, whose cells may all be texts."""

import ast
import re

from crmlab.contract import InputError
from crmlab.expressions import Expression, Kind, parse

_NAMES = re.compile(r"`([^`\n]+)`|([^\W\d]\w*)")


def check(text: str, kind: Kind, where: str) -> None:
    """Check that an expression can be read at all, before any file is opened.

    Raises
    ------
    InputError
        In one sentence, if it cannot.
    """
    # which columns there are shows when the file is opened; till then every name will do
    read(text, {quoted or plain for quoted, plain in _NAMES.findall(text)}, kind, where)


def read(text: str, known, kind: Kind, where: str) -> tuple[Expression, dict[str, str]]:
    """An expression over `known` columns, and as what it uses each: `number`, `text` or `boolean`.

    Raises
    ------
    InputError
        If it cannot be read, names an unknown column, puts texts in order, or uses a column in two ways.
    """
    try:
        made = parse(text, known, kind=kind)
        return made, _used_as(made)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _used_as(made: Expression) -> dict[str, str]:
    uses: dict[str, set[str]] = {name: set() for name in made.names}

    def note(node: ast.expr, use: str) -> None:
        if isinstance(node, ast.Name):
            uses[made.columns[node.id]].add(use)

    for node in ast.walk(made.tree):
        match node:
            case ast.BinOp(left=left, right=right):
                note(left, "number")
                note(right, "number")
            case ast.UnaryOp(op=op, operand=operand):
                note(operand, "boolean" if isinstance(op, ast.Not) else "number")
            case ast.BoolOp(values=values):
                for value in values:
                    note(value, "boolean")
            case ast.Compare(left=left, comparators=others):
                parts = [part for side in (left, *others) for part in ast.walk(side)]
                texts = any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)
                if texts and not all(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops):
                    raise ValueError(f"{made.text!r} puts texts in order; only numbers have one, texts are == or !=")
                for side in (left, *others):
                    note(side, "text" if texts else "number")
    if isinstance(made.tree, ast.Name):
        note(made.tree, "boolean" if made.kind == "condition" else "number")
    for name, use in uses.items():
        if len(use) > 1:
            raise ValueError(f"{made.text!r} uses {name} both as {' and as '.join(sorted(use))}")
    return {name: use.pop() for name, use in uses.items()}
