"""What the code promises about its own shape: who imports whom, how long a module is, what a notebook may hold."""

import ast
import importlib
import inspect
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

from crmlab.contract import TABLES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "crmlab"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

FOUNDATION = {"absence", "contract", "expressions", "intervals", "language", "messages", "parsing"}
READING = {"notebook", "params", "sources", "checks", "quality", "data", "reading", "spark"}
SHOWING = {"prose", "tables", "plots", "disclosure", "whatif"}
PRIVACY = {"csv_cells", "keys", "privacy", "suppression"}
OTHERS = {"crmlab", "aggregate", "client", "datasets", "extraction", "findings", "inventory", "publication", "sampling"}
# what a command does, and reads as one piece
COMMANDS = {"gate", "report", "cli", "erase", "removal", "lab", "onboarding", "reference"}


def part(path: Path) -> str:
    """The part of the package that a file belongs to: its module, its folder, or `crmlab` itself."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "crmlab" if first == "__init__" else first


# Whatever is not named above is a metric.
METRICS = {part(path) for path in MODULES} - FOUNDATION - READING - SHOWING - PRIVACY - OTHERS - COMMANDS
# Part of the package: the parts it may import.
MAY_IMPORT = (
    {
        "absence": set(),
        "contract": {"messages"},
        "expressions": {"contract", "parsing"},
        "messages": set(),
        "parsing": set(),
        "extraction": {"messages", "notebook"},
        "language": {"messages"},
    }
    | {"intervals": {"language", "messages"}, "aggregate": set(), "datasets": {"contract"}}
    | dict.fromkeys(("findings", "publication"), {"absence", "csv_cells", "intervals", "messages", "privacy"})
    | {"csv_cells": set()}
    | {"inventory": FOUNDATION | {"aggregate", "privacy", "quality"}}
    | {"keys": {"contract"}, "privacy": {"contract", "keys", "messages"}, "suppression": set(), "sampling": set()}
    | dict.fromkeys(READING, {"contract", "expressions", "intervals", "messages", "parsing", "privacy"} | READING)
    | {"client": FOUNDATION | READING | {"aggregate", "findings", "inventory", "privacy", "publication"}}
    | dict.fromkeys(
        METRICS,
        {"absence", "expressions", "intervals", "language", "messages", "sampling", "privacy", "suppression"} | METRICS,
    )
    | dict.fromkeys(SHOWING, {"absence", "intervals", "language", "messages"} | METRICS | SHOWING | PRIVACY)
    | {"gate": {"client", "contract", "quality"}}
    | {"report": FOUNDATION | READING | SHOWING | {"client", "csv_cells", "gate", "keys", "privacy"}}
    | {
        "removal": {"contract", "reading"},
        "erase": FOUNDATION | READING | {"csv_cells", "privacy", "removal", "report"},
    }
    | {"onboarding": FOUNDATION | READING | {"client"}, "reference": FOUNDATION | READING | METRICS | {"onboarding"}}
    | {"lab": FOUNDATION | READING | SHOWING, "crmlab": {"client", "lab"}}
    | {"cli": {"crmlab", "contract", "notebook", "params", "client", "datasets", "quality"} | COMMANDS}
)
NOT_FOR_METRICS = {"matplotlib", "seaborn", "great_tables", "narwhals", "duckdb", "papermill", "nbconvert", "IPython"}
SECTIONS = ("The bottom line", "Data", "Definitions", "Cautions", "References")


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, those inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_parts(path: Path) -> set[str]:
    """Parts of the package that a file imports, its own left out."""
    names = [name.split(".") for name in imports(path) if name.split(".")[0] == "crmlab"]
    known = set(MAY_IMPORT)
    return {name[1] if len(name) > 1 and name[1] in known else "crmlab" for name in names} - {part(path)}


def arrows() -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for path in MODULES:
        result.setdefault(part(path), set()).update(own_parts(path))
    return result


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    assert own_parts(path) <= MAY_IMPORT[part(path)]


def test_imports_make_no_circle():
    open_arrows = arrows()
    while free := [name for name, targets in open_arrows.items() if not targets & set(open_arrows)]:
        for name in free:
            del open_arrows[name]
    assert not open_arrows, f"these import each other in a circle: {sorted(open_arrows)}"


def test_metrics_know_nothing_of_display_or_engines():
    for path in MODULES:
        if part(path) in METRICS:
            assert not {name.split(".")[0] for name in imports(path)} & NOT_FOR_METRICS, path.name


def test_importing_the_package_is_light():
    heavy = ("pandas", "numpy", "scipy", "matplotlib", "seaborn", "duckdb", "papermill", "lifetimes", "statsmodels")
    code = f"import sys, crmlab, crmlab.cli; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_metrics_and_client_do_not_load_the_plotting_library():
    code = "import sys, crmlab.client, crmlab.value, crmlab.clv; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_short_silent_and_explained(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says in its docstring what it is for"
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"print", "breakpoint", "exec", "eval"}
    bare = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert not bare, "an exception that is caught is named"
    assert path.stem not in ("utils", "helpers", "common", "misc")


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(body: list[ast.stmt], above: str = "") -> Iterator[tuple[str, Defined]]:
    """Public functions and classes of a module, with these their public methods and properties, by dotted name."""
    for node in body:
        if isinstance(node, Defined) and not node.name.startswith("_"):
            yield f"{above}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{above}{node.name}.")


def docstring(path: Path, name: str, node: Defined) -> str:
    """What `?` shows of it; only a method may leave that to the one it stands in for."""
    own = ast.get_docstring(node)
    if own or not isinstance(node, FUNCTIONS) or "." not in name:
        return own or ""
    # what was imported is asked, and not run
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return inspect.getdoc(attrgetter(name)(module)) or ""


def raised(node: ast.AST) -> Iterator[str]:
    """Names after `raise` in a function's own body: functions inside it are run by others."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise) and child.exc is not None:
            what = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            yield getattr(what, "attr", getattr(what, "id", ""))
        if not isinstance(child, Defined | ast.Lambda):
            yield from raised(child)


def told_to_raise(doc: str) -> set[str]:
    """The exceptions that a docstring's section "Raises" names."""
    section = re.search(r"^Raises\n-+\n(.*?)(?:\n\n[^\n]+\n---|\Z)", doc, re.MULTILINE | re.DOTALL)
    lines = section[1].splitlines() if section else []
    return {name for line in lines if line[:1].strip() for name in line.split(", ")}


def is_command(node: Defined) -> bool:
    """Whether its docstring is what `crmlab COMMAND --help` prints; its errors become messages and exit codes."""
    return any(isinstance(each, ast.Call) and getattr(each.func, "attr", "") == "command"
               for each in node.decorator_list)  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_public_says_what_it_is_and_what_it_raises(path):
    faults = []
    for name, node in public(ast.parse(path.read_text(encoding="utf-8")).body):
        doc = docstring(path, name, node)
        if not doc:
            faults.append(f"{name} has no docstring")
        elif isinstance(node, FUNCTIONS) and not is_command(node):
            # what is raised by a variable's name is any of those that are told
            names, told = set(raised(node)), told_to_raise(doc)
            untold = {each for each in names if each[:1].isupper()} - told
            if untold or (names and not told):
                faults.append(f"{name} raises {', '.join(sorted(untold or names))}, and says so under no Raises")
    assert not faults, "\n".join(faults)


notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[tuple[str, dict]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return [("".join(cell["source"]), cell) for cell in content["cells"] if cell["cell_type"] == kind]


def is_parameters(cell: dict) -> bool:
    return "parameters" in cell["metadata"].get("tags", [])


@notebooks
def test_notebooks_are_stored_without_results(path):
    for _, cell in cells(path, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"


@notebooks
def test_notebooks_describe_themselves(path):
    about = json.loads(path.read_text(encoding="utf-8"))["metadata"]["crmlab"]
    assert about["title"].strip()
    needed = {*about["tables"], *about.get("any_of", [])}
    assert needed and needed | {*about.get("optional", [])} <= set(TABLES)
    assert sum(is_parameters(cell) for _, cell in cells(path, "code")) == 1


@notebooks
def test_notebooks_hold_no_program(path):
    banned = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.Try)
    lengths = []
    for source, cell in cells(path, "code"):
        tree = ast.parse(source)
        assert not [node for node in ast.walk(tree) if isinstance(node, banned)], source
        assert "plt" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}, source
        if not is_parameters(cell):
            lengths.append(len(source.strip().splitlines()))
            assert lengths[-1] <= 8, source
    assert statistics.median(lengths) <= 3


@notebooks
def test_notebooks_have_the_sections_of_a_report(path):
    markdown = [source for source, _ in cells(path, "markdown")]
    assert re.match(r"# \S.*\n\n\S", markdown[0]), "the first cell is a title and the decision that it serves"
    headings = [line for source in markdown for line in source.splitlines() if line.startswith("## ")]
    topics = [heading.removeprefix("## ").split(":")[0].strip() for heading in headings]
    assert len(set(topics)) == len(topics)
    assert not set(SECTIONS) - set(topics)


@notebooks
def test_prose_of_notebooks_quotes_no_result(path):
    quoted = re.compile(r"\d\s*(?:%|per cent|percent|USD|EUR|CNY)|[$€£¥]\s*\d")
    for source, _ in cells(path, "markdown"):
        assert not quoted.search(source), f"a number in prose does not change with the data: {quoted.search(source)[0]}"


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_hides_the_function_that_translates(path):
    if "crmlab.messages._" in imports(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bound = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "_"
                 and isinstance(node.ctx, ast.Store)]  # fmt: skip
        assert not bound, f"{path.name} gives the name `_` to something else in lines {bound}"
