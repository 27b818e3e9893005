"""What the report machine saves: against papermill and nbconvert as commands, and over many reports.

Run from the repository's root: `python tests/bench/report_machine.py [clients]`. It prints seconds measured side by
side in this one run, and their ratio:

1. the reports of four clients by `crmlab report`, and by the stock commands over the same notebooks and parameters;
   then with a notebook in their place that imports what they import and computes next to nothing, so that the machine
   alone is measured: what a notebook computes both have to do;
2. 200 reports of 100 small clients in one run, and four of them by the stock commands: seconds of each, failures, and
   the memory of the run itself along the way;
3. the same again with nothing changed, and with 100 of them asked for: no kernel may start.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.conftest import BASE, ROWS, SmallProject  # noqa: E402

BIN = Path(sys.executable).parent
CELLS = (
    "import crmlab\nfrom crmlab import intervals\nclient = crmlab.open(client, as_of)",
    "client.publish(metrics={'customers': intervals.count(len(client.customer_summary()), 'customers', 'Customers')})",
)
IMPORTS = "import seaborn\nfrom crmlab import clv, deductions, model_choice, plots, prose, segments, tables, value"
# two further clients of other dates, so that four are at hand
MORE = {"cdnow": ("as_of: latest", "as_of: 1998-03-31"), "xinglin": ("as_of: 2026-09-30", "as_of: 2026-06-30")}


def seconds(*command, cwd: Path) -> float:
    begun = time.monotonic()
    subprocess.run(
        [str(part) for part in command], cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    return time.monotonic() - begun


def four_clients(folder: Path) -> Path:
    """A project with the notebooks and data of this one, and four clients."""
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (folder / "params").mkdir()
    (folder / "data").symlink_to(ROOT / "data")
    for client, (old, new) in MORE.items():
        text = (ROOT / f"params/{client}.yaml").read_text(encoding="utf-8")
        (folder / f"params/{client}.yaml").write_text(text, encoding="utf-8")
        (folder / f"params/{client}_before.yaml").write_text(text.replace(old, new), encoding="utf-8")
    return folder


def stock(project: Path, out: Path, reports: int | None = None) -> float:
    """Seconds of papermill and nbconvert over all reports that stand in a project, or over the first ones."""
    total = 0.0
    for path in sorted((project / "reports").glob("*/*/*.html"))[:reports]:
        client, notebook = path.parts[-3], project / f"notebooks/{path.stem}.ipynb"
        flat = out / "flat.yaml"
        with flat.open("w") as stream:
            subprocess.run([BIN / "crmlab", "params", client, path.stem], cwd=project, check=True, stdout=stream)
        executed = out / f"{client}.ipynb"
        total += seconds(BIN / "papermill", notebook, executed, "-f", flat, cwd=project)
        total += seconds(BIN / "jupyter", "nbconvert", "--to", "html", executed, cwd=project)
    return total


def many(folder: Path, clients: int) -> SmallProject:
    """A project with many small clients and two notebooks."""
    project = SmallProject(folder)
    for name in ("analysis", "summary"):
        project.notebook(name, *CELLS)
    for number in range(clients):
        project.write(f"data/c{number:03}/transactions.csv", ROWS)
        project.write(f"params/c{number:03}.yaml", BASE.replace("acme/", f"c{number:03}/"))
    return project


def memory_along(command: list, cwd: Path) -> tuple[list[float], float]:
    """Megabytes that the process of a command holds, twice a second, and its seconds."""
    begun, sizes = time.monotonic(), []
    process = psutil.Popen(
        [str(part) for part in command], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        sizes.append(process.memory_info().rss / 2**20)
        time.sleep(0.5)
    return sizes, time.monotonic() - begun


def statuses(log: Path) -> dict:
    """The counts of the last run in a log, and how many kernels it started."""
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    begun = max(place for place, event in enumerate(events) if event["event"] == "started")
    kernels = sum(event["event"] == "report_started" for event in events[begun:])
    return {name: events[-1][name] for name in ("built", "reused", "failed")} | {"kernels": kernels}


def compare(project: Path, what: str) -> None:
    """Print the seconds of both ways over all reports of a project; ours before and after the stock's."""
    (project / "out").mkdir(exist_ok=True)
    command = [BIN / "crmlab", "report", "--jobs", "2", "--force"]
    first = seconds(*command, cwd=project)
    usual = stock(project, project / "out")
    again = seconds(*command, cwd=project)
    print(f"{what}: papermill and nbconvert {usual:.1f} s, crmlab {first:.1f} and {again:.1f} s", flush=True)
    print(f"    ratio {usual / first:.1f} and {usual / again:.1f}", flush=True)


def main(clients: int = 100):
    with tempfile.TemporaryDirectory() as folder:
        project = four_clients(Path(folder))
        compare(project, "four clients' reports")
        names = {path.stem for path in (project / "notebooks").glob("*.ipynb")}
        shutil.rmtree(project / "notebooks")
        shutil.rmtree(project / "reports")
        for path in (project / "params").glob("*.yaml"):
            content = YAML(typ="safe").load(path)
            with path.open("w", encoding="utf-8") as stream:
                YAML(typ="safe").dump({key: content[key] for key in content if key not in names}, stream)
        SmallProject(project).notebook("imports", IMPORTS, *CELLS)
        compare(project, "four clients' reports that only import")
    with tempfile.TemporaryDirectory() as folder:
        project = many(Path(folder), clients)
        command = [BIN / "crmlab", "report", "--jobs", "2", "--log", "log.jsonl"]
        sizes, took = memory_along(command, project.root)
        quarter = len(sizes) // 4
        early, late = max(sizes[quarter : 2 * quarter]), max(sizes[-quarter:])
        done = statuses(project.root / "log.jsonl")
        print(f"{2 * clients} reports in one run: {took:.1f} s, {took / 2 / clients:.2f} s each, {done}")
        usual = stock(project.root, project.root, reports=4) / 4
        print(f"    papermill and nbconvert {usual:.1f} s each; ratio {usual / (took / 2 / clients):.1f}")
        print(f"    the run itself held {early:.0f} MB in the second quarter, {late:.0f} MB in the last")
        for what, more in ((2 * clients, ()), (clients, ("--notebook", "analysis"))):
            took = seconds(*command, *more, cwd=project.root)
            print(f"nothing changed, {what} reports: {took:.2f} s, {statuses(project.root / 'log.jsonl')}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
