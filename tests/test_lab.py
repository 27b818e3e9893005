"""The analyst's bench: JupyterLab in a real browser, what it stores, how results show, and new notebooks."""

import ast
import json
import os
import queue
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import jupyter_client
import nbformat
import nbformat.v4 as nb
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from crmlab import value
from crmlab.contract import InputError
from crmlab.lab import progress, rich
from crmlab.lab.new_notebook import new_notebook
from crmlab.lab.server import open_lab, options, strip
from crmlab.notebook import read_notebooks

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RUN_ALL = 'li[data-command="runmenu:run-all"]'
SHOWN = ".jp-OutputArea .jupyter-widgets img[alt]"
CELLS = (
    "import crmlab\nclient = crmlab.open('acme')",
    "import pandas as pd\nfrom crmlab import plots, whatif\nfrom crmlab.churn import contact",
    "chance = pd.Series(range(200)) / 200\n"
    "tried = pd.DataFrame({'probability': chance, 'left': (chance > 0.7).astype(int), 'value': 100.0})\n"
    "pays = contact.contact_threshold(tried, contact_cost=20.0, save_rate=0.3, currency=client.currency)",
    "plots.figure(plots.profit_curve, pays)",
    "pays",
    "client.table('transactions')",
    "whatif.contact(pays, tried, title='What if?')",
)


def executed(path: Path) -> dict:
    """The notebook of a file as JupyterLab holds it after a run, with all that it notes."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.update(
        {"language_info": {"name": "python", "version": "3.11.7", "file_extension": ".py"}, "widgets": {"state": {}}}
        | {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    )
    for place, cell in enumerate(notebook.cells):
        cell.metadata.update({"trusted": True, "execution": {"shell.execute_reply": "2026-01-01"}, "scrolled": True})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [nb.new_output("stream", text="a result")], place
    return notebook


def stored(notebook: dict) -> str:
    """What Jupyter writes of it."""
    strip({"type": "notebook", "content": notebook}, path="n.ipynb")
    return nbformat.writes(notebook) + "\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_that_was_run_and_saved_is_the_file_that_it_was(path):
    assert stored(executed(path)) == path.read_text(encoding="utf-8")


def test_an_edit_of_one_cell_shows_as_that_cell_alone(tmp_path):
    path = new_notebook(tmp_path, "pricing")
    before = path.read_text(encoding="utf-8").splitlines()
    notebook = executed(path)
    notebook.cells[3].source = notebook.cells[3].source + "\n1 + 1"
    after = stored(notebook).splitlines()
    added = [line for line in after if line not in before]
    assert [line.strip() for line in added][-1:] == ['"1 + 1"'] and len(after) == len(before) + 1 and len(added) == 2


def test_files_that_are_no_notebook_are_stored_as_they_are():
    model = {"type": "file", "content": "text"}
    strip(model, path="a.txt")
    assert model == {"type": "file", "content": "text"}


def test_the_start_page_names_every_notebook():
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert f"[{path.stem}]({path.name})" in text


def test_code_of_the_start_page_runs(small):
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    names: dict = {}
    for block in text.split("```python\n")[1:]:
        code = ast.parse(block.partition("```")[0].replace('"cdnow"', '"acme"'))
        exec(compile(code, "README.md", "exec"), names)
    assert names["concentration"].top_share.value > 0


def test_a_new_notebook_describes_itself_and_holds_to_the_rules(small):
    from tests import test_architecture as rules

    path = new_notebook(small.root / "notebooks", "customer_care")
    assert read_notebooks(small.root / "notebooks")["customer_care"].title == "Customer care"
    names = ("are_stored_without_results", "describe_themselves", "hold_no_program", "have_the_sections_of_a_report")
    for name in names:
        getattr(rules, f"test_notebooks_{name}")(path)
    rules.test_prose_of_notebooks_quotes_no_result(path)
    assert stored(executed(path)) == path.read_text(encoding="utf-8")


def test_root_must_say_that_it_is_meant(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(InputError, match='Jupyter does not run as root; .* make lab ARGS="--allow-root"'):
        open_lab(tmp_path)


def test_a_new_notebook_stands_in_the_next_report(small):
    from click.testing import CliRunner

    from crmlab.cli import main

    (small.root / "notebooks" / "analysis.ipynb").unlink()
    assert CliRunner().invoke(main, ["notebook", "customer_care"]).output == "wrote notebooks/customer_care.ipynb\n"
    result = CliRunner().invoke(main, ["report", "--jobs", "1", "--quiet"])
    assert result.exit_code == 0, result.output
    page = (small.root / "reports" / "acme" / "2024-03-31" / "customer_care.html").read_text(encoding="utf-8")
    assert "Customer care" in page and "who brings the revenue?" in page.casefold()


def test_a_name_that_is_taken_or_none_is_refused(tmp_path):
    path = new_notebook(tmp_path, "pricing")
    written = path.read_bytes()
    with pytest.raises(InputError, match=r"pricing\.ipynb: is there already"):
        new_notebook(tmp_path, "pricing")
    assert path.read_bytes() == written
    with pytest.raises(InputError, match="letters, digits, _ and -"):
        new_notebook(tmp_path, "../pricing")


@pytest.fixture
def shell(monkeypatch):
    """IPython as it is in a kernel, taught to show results."""
    monkeypatch.delenv("CRMLAB_PUBLISH", raising=False)
    shell = InteractiveShell.instance()
    monkeypatch.setattr("crmlab.lab.rich.get_ipython", lambda: shell)
    monkeypatch.setattr(progress, "AFTER", 3600.0)
    rich.install()
    yield shell
    InteractiveShell.clear_instance()


def test_a_result_shows_its_sentence_and_its_table(shell):
    found = value.concentration(pd.Series([90.0, 5.0, 5.0, 3.0, 2.0]), unit="EUR")
    shown, _metadata = shell.display_formatter.format(found)
    assert found.summary() in shown["text/plain"]
    assert "<table" in shown["text/html"] and found.top_share.text().removesuffix("%") in shown["text/html"]


def test_estimates_read_as_in_prose_and_other_objects_show_as_ever(shell):
    found = value.concentration(pd.Series([90.0, 5.0, 5.0]), unit="EUR").top_share
    assert shell.display_formatter.format({"top": found})[0] == {"text/plain": f"{{'top': {found}}}"}
    frame = pd.DataFrame({"a": [1]})
    assert shell.display_formatter.format(frame)[0]["text/html"] == frame._repr_html_()
    assert shell.display_formatter.format(3) == ({"text/plain": "3"}, {})


def test_teaching_twice_changes_nothing(shell):
    before = shell.display_formatter.mimebundle_formatter, shell.events.callbacks["pre_run_cell"][:]
    rich.install()
    assert (shell.display_formatter.mimebundle_formatter, shell.events.callbacks["pre_run_cell"]) == before


@pytest.fixture
def kernel(small):
    """A kernel of its own, as JupyterLab starts it, with the client opened."""
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3", cwd=str(small.root))
    try:
        client.execute_interactive("import crmlab, time\nclient = crmlab.open('acme')", timeout=60)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_kernel_completes_and_explains_the_client(kernel):
    found = kernel.complete("client.", reply=True, timeout=60)["content"]["matches"]
    public = {name.rpartition(".")[2] for name in found}
    assert {"table", "optional", "customer_summary", "published", "as_of", "tables"} <= public
    shown = kernel.inspect("client.adjacent_periods", reply=True, timeout=60)["content"]["data"]["text/plain"]
    assert "months" in shown and "as many before" in shown


def test_a_kernel_says_what_a_long_cell_is_at(kernel):
    """What is shown must go under the cell that waits, and be gone in the end."""
    kernel.execute_interactive("from crmlab.lab import progress\nprogress.AFTER = progress.EVERY = 0.2", timeout=60)
    identity = kernel.execute("time.sleep(1.5)")
    said = []
    while not said or said[-1] != "":
        message = kernel.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == identity and "data" in message["content"]:
            said.append(message["content"]["data"].get("text/html"))
            assert message["msg_type"] == ("display_data" if len(said) == 1 else "update_display_data")
    assert len(said) > 2 and "computing" in said[0]


def test_the_step_is_the_function_that_the_cell_called():
    def inside():
        return progress.step(sys._getframe())

    assert inside() == ""
    from crmlab.absence import attempt

    frames = []
    attempt(value.concentration, _Spying([3.0, 1.0], frames), unit="EUR")
    assert progress.step(frames[0]) == "value.concentration"


class _Spying(list):
    """Numbers that note who asks for them."""

    def __init__(self, numbers, frames):
        super().__init__(numbers)
        self.frames = frames

    def __len__(self):
        self.frames.append(sys._getframe())
        return super().__len__()

    def __iter__(self):
        self.frames.append(sys._getframe())
        return super().__iter__()


def test_widgets_are_part_of_jupyterlab():
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) / "@jupyter-widgets" / "jupyterlab-manager" for folder in jupyter_path("labextensions")]
    assert any((folder / "package.json").is_file() for folder in folders)


@dataclass(frozen=True)
class Lab:
    url: str
    token: str
    notebook: Path

    def page(self, path: str) -> str:
        return f"{self.url}lab/tree/{path}?token={self.token}"


@pytest.fixture
def lab(small, tmp_path_factory):
    """`crmlab lab` on a small project, with Jupyter's own folders beside it."""
    path = small.notebook("bench", *CELLS)
    path.write_text(stored(nbformat.read(path, as_version=4)), encoding="utf-8")
    small.write("notebooks/README.md", "# The analyst's bench\n\nStart here.\n")
    home = tmp_path_factory.mktemp("jupyter")
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    names += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    folders = {name: str(home / name.lower()) for name in names}
    command = [sys.executable, "-m", "crmlab.cli", "lab", "--no-browser", "--allow-root", "--ServerApp.port=18871"]
    log = home / "log"
    with log.open("wb") as stream:
        server = subprocess.Popen(command, cwd=small.root, env=os.environ | folders, stdout=stream, stderr=stream)
    try:
        yield Lab(**_address(Path(folders["JUPYTER_RUNTIME_DIR"]), server, log), notebook=path)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _address(runtime: Path, server: subprocess.Popen, log: Path) -> dict[str, str]:
    """Where a server says that it listens: the port that was asked for may be taken."""
    for _attempt in range(300):
        assert server.poll() is None, log.read_text(encoding="utf-8")
        for path in runtime.glob("jpserver-*.json"):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:  # written just now
                continue
            return {"url": content["url"], "token": content["token"]}
        time.sleep(0.1)
    raise queue.Empty(log.read_text(encoding="utf-8"))


def test_an_analyst_runs_a_notebook_and_moves_a_slider(lab, browser):
    before = lab.notebook.read_text(encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    page.set_default_timeout(60_000)
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(lab.page("README.md"))
    page.wait_for_selector('.jp-MarkdownViewer h1:has-text("The analyst\'s bench")')

    page.goto(lab.page("bench.ipynb"))
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector('.jp-StatusBar-TextItem:has-text("| Idle")')
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click(RUN_ALL)
    page.wait_for_selector(".jp-OutputArea .jp-RenderedSVG img")
    # as it was said: Jupyter takes what stands between two dollar signs for a formula, where it is not told otherwise
    page.wait_for_selector(".jp-OutputArea .jp-RenderedHTMLCommon:has-text('At $20.00 a contact') table")
    page.wait_for_selector(".jp-OutputArea th:has-text('customer_id')")
    label = page.wait_for_selector(SHOWN).get_attribute("alt")
    assert not page.query_selector_all('.jp-OutputArea [data-mime-type="application/vnd.jupyter.error"]')

    page.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("([at, was]) => document.querySelector(at).alt !== was", arg=[SHOWN, label])
    assert page.locator(".widget-readout").first.inner_text() == "20.80"
    page.keyboard.press("Control+s")
    page.wait_for_selector(".jp-mod-dirty", state="detached")
    page.close()
    assert not faults
    assert lab.notebook.read_text(encoding="utf-8") == before


def test_the_options_of_jupyterlab_name_files_that_are_there():
    folder = next(option for option in options(ROOT / "notebooks") if "app_settings_dir" in option).partition("=")[2]
    assert json.loads((Path(folder) / "overrides.json").read_text(encoding="utf-8"))
