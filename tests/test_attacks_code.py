"""What would let data run: nothing of it stands in the package, and no package comes in that was changed on the way."""

import ast
import re

import pytest

from tests.conftest import ROOT

UNSAFE = {
    "pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "jsonpickle", "eval", "exec", "compile",
    "__import__", "system", "popen", "unsafe_load", "full_load", "load_extension", "allow_pickle", "to_pickle",
    "mktemp",
}  # fmt: skip
# a file of a package that the lock pins by its hash, in the example that reads it
KNOWN = {("datasets/telco.py", "read_pickle")}


@pytest.fixture(scope="module")
def used():
    """What the package imports, calls and names in calls: module and word."""
    found = set()
    for path in (ROOT / "crmlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            said = set()
            match node:
                case ast.Import(names=names) | ast.ImportFrom(names=names):
                    modules = [each.name for each in names] + [getattr(node, "module", None) or ""]
                    said = {part for module in modules for part in module.split(".")}
                case ast.Call(func=ast.Name(id=name)):
                    said = {name}
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"))):
                    pass  # re.compile
                case ast.Call(func=ast.Attribute(attr=name)):
                    said = {name} | {each.arg for each in node.keywords}
            found |= {(path.relative_to(ROOT / "crmlab").as_posix(), word) for word in said}
    return found


@pytest.mark.parametrize("word", sorted(UNSAFE | {"read_pickle", "shell"}))
def test_nothing_that_runs_what_it_reads_stands_in_the_package(used, word):
    assert len(used) > 5_000
    assert {each for each in used if each[1] == word} <= KNOWN


def test_every_package_is_pinned_by_its_hash():
    entries = re.split(r"\n(?=[\w.-]+(?:\[[\w,]+\])?==)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    pinned = [entry for entry in entries if re.match(r"[\w.-]+(\[[\w,]+\])?==", entry)]
    assert len(pinned) > 50 and all("--hash=sha256:" in entry for entry in pinned)
    assert "--require-hashes" in (ROOT / "Makefile").read_text(encoding="utf-8")
