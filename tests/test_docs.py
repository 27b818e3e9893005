"""Every command in the documentation runs; what it quotes and names is there."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

import crmlab
from crmlab.report import pdf
from tests.test_onboarding_guess import ORDERS
from tests.test_packaging import ROOT, needs_tool

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
# not ours, or they end only when somebody closes them; what make runs is tested below
OTHERS = ("make", "conda", "papermill", "$EDITOR")


def lines() -> list[str]:
    """Every line of the shell in the documentation, its comment left out."""
    blocks = [block for page in PAGES for block in SHELL.findall(page.read_text(encoding="utf-8"))]
    found = [line.split("  #")[0].split("   #")[0].strip() for block in blocks for line in block.splitlines()]
    return list(dict.fromkeys(line for line in found if line))


@pytest.fixture
def small(small):
    """With a notebook that reads and publishes, in place of the long ones."""
    open_, publish = "client = crmlab.open(client, as_of)", 'client.publish(metrics={"n": client.rows("transactions")})'
    small.notebook("analysis", f"import crmlab\n{open_}", publish)
    small.write("reports/README.md", "# reports\n")
    return small


MAKE = [line for line in lines() if line.startswith("make ")]


def expanded(line: str) -> str:
    """What make would run."""
    words = shlex.split(line)
    made = subprocess.run(
        [words[0], "-n", *words[1:], "-o", ".venv/.stamp"], cwd=ROOT, capture_output=True, text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))},
    )  # fmt: skip
    assert made.returncode == 0, f"{line}: {made.stderr}"
    return made.stdout


def run(small, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "crmlab.cli", *arguments], cwd=small.root, capture_output=True, text=True, timeout=240,
        env=os.environ | {"CRMLAB_SEAL_PASSWORD": "twelve letters and more"},
    )  # fmt: skip


@needs_tool("make")
@pytest.mark.parametrize("line", MAKE)
def test_make_knows_every_target_that_is_written(line):
    assert expanded(line).strip()


@needs_tool("make")
def test_targets_run_commands_with_arguments_that_they_take(small):
    """Each command that make would run, on a small client and without its notebooks' work."""
    small.write("orders.csv", ORDERS)
    small.write("survey.xlsx", "")
    commands = {command for line in MAKE for command in re.findall(r"bin/crmlab ([^;&\n]+)", expanded(line))}
    assert {command.split()[0] for command in commands} >= {"report", "check", "data", "new", "docs"}
    for command in sorted(commands):
        asked = run(small, *shlex.split(command.replace("\\", "")), "--help")
        assert asked.returncode == 0, f"{command}: {asked.stderr}"


@needs_tool("make")
def test_the_way_in_as_the_readme_tells_it(small):
    """make new, check and report, as their commands, with files that nobody has described."""
    (begin,) = (line for line in MAKE if line.startswith("make new"))
    (command,) = re.findall(r"bin/(crmlab [^;&\n]+)", expanded(begin))
    small.write("data/acme/transactions.csv", "").unlink()
    orders = small.write("data/acme/orders.csv", ORDERS)
    small.write("params/acme.yaml", "").unlink()
    made = run(small, *shlex.split(command)[1:])
    assert made.returncode == 0, made.stderr
    assert "orders.csv: transactions" in made.stdout and "say CHECK" in made.stdout
    assert run(small, "check", "acme").stdout.count(" 0 rejected") == 1
    built = run(small, "report", "acme", "--as-of", "2025-03-20")
    assert built.returncode == 0, built.stderr
    assert (small.root / "reports" / "acme" / "2025-03-20" / "analysis.html").is_file()
    sealed = run(small, "seal", "reports/acme/2025-03-20/analysis.html")
    assert sealed.returncode == 0, sealed.stderr
    erased = run(small, "erase", "acme", "C3")
    assert erased.returncode == 0, erased.stderr
    assert "C3" not in orders.read_text(encoding="utf-8")
    proven = run(small, "verify")
    assert proven.returncode == 0, proven.stderr


def test_what_papermill_is_given(small):
    flat = run(small, "params", "acme", "analysis")
    assert YAML(typ="safe").load(flat.stdout)["client"] == "acme"
    small.write("flat.yaml", flat.stdout)
    stock = [sys.executable, "-m", "papermill", "notebooks/analysis.ipynb", "out.ipynb", "-f", "flat.yaml"]
    assert subprocess.run(stock, cwd=small.root, capture_output=True, timeout=120).returncode == 0
    assert run(small, "report", "--quiet", "--log", "reports/log.jsonl").returncode == 0
    logged = (small.root / "reports" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert {"started", "report", "ended"} <= {json.loads(line)["event"] for line in logged}


def test_no_other_command_is_written():
    for line in lines():
        words = shlex.split(line)
        assert words[0] in (*OTHERS, "crmlab"), line


def test_commands_in_prose_are_there():
    from crmlab.cli import main

    said = {name for page in PAGES for name in re.findall(r"`crmlab ([a-z]+)", page.read_text(encoding="utf-8"))}
    assert said and said <= set(main.commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_is_about_two_screens():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


def test_errors_are_quoted_as_they_are_said():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "crmlab").rglob("*.py"))
    joined = re.sub(r'"\s*\n\s*f?"', "", source)
    quoted = re.findall(r"^### `(.+)`$", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"), flags=re.M)
    assert len(quoted) > 8
    for text in quoted:
        assert text in joined, text


METHODS = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")


def test_methods_name_modules_that_are_there():
    named = set(re.findall(r"`(crmlab\.[\w.]+)`", METHODS))
    assert len(named) > 30
    for name in named:
        assert importlib.util.find_spec(name), name


def test_every_method_has_a_caution():
    notes = re.split(r"\n\n(?=\*\*)", METHODS.partition("## Value")[2])[1:]
    assert len(notes) > 18
    for note in notes:
        assert "*Caution:*" in note, note.splitlines()[0]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_methods_cite_what_notebooks_cite(path):
    joined = " ".join(METHODS.split())
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (listed,) = ("".join(cell["source"]) for cell in cells if "".join(cell["source"]).startswith("## References"))
    for line in re.findall(r"^- (.+)", listed, flags=re.M):
        for author, year in re.findall(r"(?:^|; )([^\s,&]+)[^();]*?\((\d{4})\)", line):
            assert re.search(rf"{re.escape(author)}[^()]*\({year}\)", joined), f"{author} {year}"


def test_the_citation_is_of_this_version():
    cited = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == crmlab.__version__
    assert f"## {crmlab.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_picture_is_taken_from_a_page(tmp_path):
    if pdf.browser() is None:
        pytest.skip("no Chromium on this machine")
    page = tmp_path / "page.html"
    page.write_text("<h1>A report</h1>", encoding="utf-8")
    shutil.copy(ROOT / "docs" / "picture.py", tmp_path)
    # a driver of its own: other tests hold one in this process
    taken = subprocess.run(
        [sys.executable, "-c", f"import picture; from pathlib import Path; "
         f"picture.take(Path({str(page)!r}), Path({str(tmp_path / 'out.png')!r}))"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert taken.returncode == 0, taken.stderr
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert (ROOT / "docs" / "report.png").stat().st_size < 400_000


def test_pages_that_are_made_say_so():
    made = [path for path in (ROOT / "docs").glob("*.md") if "made by `make docs`" in path.read_text(encoding="utf-8")]
    assert {path.name for path in made} == {
        f"{name}{suffix}.md" for name in ("glossary", "data_dictionary") for suffix in ("", ".zh")
    }
