"""What an analyst sees of a public name by Tab and `?`: a signature, and a docstring that describes its parameters.

Public is what notebooks call, `crmlab.open` and the methods of `Client`.
"""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

import crmlab
from crmlab.client import Client

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# options that mean the same wherever they stand; the package's own docstring says what
COMMON = {"as_of", "confidence_level", "currency", "draws", "seed", "subtitle", "time_unit", "title", "unit", "until"}


def code(path: Path) -> ast.Module:
    """The code cells of a notebook, one after another."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ast.parse("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))


def names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def called(path: Path) -> set[str]:
    """Dotted names of crmlab that a notebook uses."""
    tree = code(path)
    names, found = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            found.add(names[node.id])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            found.add(f"{names[node.value.id]}.{node.attr}")
    return {name for name in found if name.partition(".")[0] == "crmlab"}


def resolved(name: str):
    """What a dotted name stands for; a module is imported."""
    try:
        return importlib.import_module(name)
    except ImportError:
        holder, _dot, last = name.rpartition(".")
        return getattr(resolved(holder), last)


def functions() -> dict[str, object]:
    found = {name: resolved(name) for name in sorted(set().union(*map(called, NOTEBOOKS)))}
    found |= {f"Client.{name}": each for name, each in vars(Client).items() if not name.startswith("_")}
    return {name: each for name, each in found.items() if inspect.isfunction(each)}


FUNCTIONS = functions()
FIGURES = {
    name: each for name, each in FUNCTIONS.items() if name.startswith("crmlab.plots.") and name != "crmlab.plots.figure"
}


def undescribed(function) -> list[str]:
    """Parameters that the docstring neither lists nor names."""
    text = inspect.getdoc(function) or ""
    if "arguments as" in text or "Parameters are those of" in text:
        return []
    listed = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\w[^\n]*\n-|\Z)", text, re.S | re.M)
    heads = re.findall(r"^(\S.*)$", listed[1], re.M) if listed else []
    known = {name.strip(" *`") for head in heads for name in head.partition(":")[0].split(",")}
    parameters = inspect.signature(function).parameters.values()
    # the keywords of `**options` are listed by their own names
    wanted = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD and each.name != "self"]
    return [name for name in wanted if name not in known | COMMON and f"`{name}`" not in text]


def test_the_rule_finds_what_is_not_described():
    def silent(customers, *, seed=0):
        """Share of customers."""

    def telling(customers, rate, *, seed=0):
        """Share of customers at a `rate`.

        Parameters
        ----------
        customers
            One row each.
        """

    assert undescribed(silent) == ["customers"] and undescribed(telling) == []


def test_notebooks_call_functions():
    assert len(FUNCTIONS) > 100 and "crmlab.open" in FUNCTIONS


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - FIGURES.keys()))
def test_a_public_function_describes_its_parameters(name):
    text = inspect.getdoc(FUNCTIONS[name])
    assert text and re.match(r"\S.*[.;:)]$", text.split("\n\n")[0].replace("\n", " ")), "it begins with a sentence"
    assert undescribed(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_takes_results_and_axes(name):
    """As the docstring of `crmlab.plots` says of all of them."""
    assert inspect.getdoc(FIGURES[name])
    parameters = inspect.signature(FIGURES[name]).parameters
    assert parameters["ax"].default is None
    others = [each for each in parameters.values() if each.name != "ax"]
    assert others and others[0].default is inspect.Parameter.empty


def test_every_interval_is_of_the_same_level_unless_told_otherwise():
    for each in FUNCTIONS.values():
        level = inspect.signature(each).parameters.get("confidence_level")
        assert level is None or (level.default, level.kind) == (0.95, level.KEYWORD_ONLY), each.__name__


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_level_that_a_notebook_is_given_is_that_of_all_its_intervals(path):
    """No call leaves it out that could take it: a page would mix levels, and its tables do not say which is whose."""
    tree = code(path)
    if not any(isinstance(node, ast.AnnAssign) and node.target.id == "confidence_level" for node in tree.body):
        return
    takers = {name.rpartition(".")[2] for name, each in FUNCTIONS.items()
              if "confidence_level" in inspect.signature(each).parameters}  # fmt: skip
    # names that hold the level, such as a dictionary of options
    holders = {"confidence_level"}
    for node in (each for each in tree.body if isinstance(each, ast.Assign)):
        target, value = node.targets[0], node.value
        several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        for name, told in zip(target.elts, value.elts, strict=True) if several else [(target, value)]:
            if holders & names_in(told):
                holders |= names_in(name)
    faults = []
    for node in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
        function = node.args[0] if getattr(node.func, "id", "") == "attempt" else node.func
        given = set().union(*(names_in(keyword.value) for keyword in node.keywords))
        if isinstance(function, ast.Attribute) and function.attr in takers and not given & holders:
            faults.append(ast.unparse(function))
    assert faults == []


def test_the_package_says_what_common_options_mean():
    for name in COMMON:
        assert f"`{name}`" in crmlab.__doc__


def test_every_public_name_of_the_client_is_explained():
    for name, each in inspect.getmembers(Client):
        if not name.startswith("_"):
            assert inspect.getdoc(each), name
