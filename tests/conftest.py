"""What several tests share: a small project in a temporary folder."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from gettext import NullTranslations
from pathlib import Path

import pytest
from hypothesis import settings

from crmlab import datasets, messages, privacy
from crmlab.messages import speak

# the same examples every time, however busy the machine
settings.register_profile("crmlab", deadline=None, derandomize=True)
settings.load_profile("crmlab")

ROOT = Path(__file__).parent.parent
PARAMETERS = (
    'client: str = "acme"  # the client',
    'as_of: str = "latest"  # the date to look back from',
    'horizon_months: "PositiveInt" = 12  # how far ahead to look',
    'margin: "Share" = 1.0  # share of spend that is kept',
    'since: "Optional[date]" = None  # first day that counts',
    "refunds: \"Literal[net, ignore]\" = 'net'  # what becomes of refunds",
)
BASE = """\
client: Acme Pumps
currency: USD
data:
  transactions: {source: data/acme/transactions.csv}
"""
ROWS = "customer_id,date,amount\n1,2024-01-01,5\n1,2024-02-01,7\n2,2024-01-15,-1\n3,2024-03-31,10\n"


# a mark for tests in which no warning may be raised; what others left open, the collector may find at any time
STRICT = pytest.mark.filterwarnings(
    "error", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
# these take minutes; begun last, one would keep a single process busy when all else is done
LONG = ("report_faults", "example_reports", "degenerate_clients", "spark", "no_identity", "pages_in_browser", "docs")
LONG += ("report_halves", "report_run", "report_audit_run", "diagnosis_over_dates", "lab")


def pytest_collection_modifyitems(items):
    order = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


@pytest.fixture(autouse=True)
def english():
    """Whatever language a test made this process speak, the next starts in English, and with no client open."""
    yield
    speak("en")
    privacy.unprotected()


@pytest.fixture
def any_size(monkeypatch):
    """No group is too small to be told of: for results that are worked out by hand."""
    monkeypatch.setattr(privacy._of_process[0], "min_group", 1)


class Foreign(NullTranslations):
    """A language made of English: what a message says stands in Cyrillic letters, what fills it does not."""

    LETTERS = {ord("A") + place: 0x410 + place for place in range(26)} | {
        ord("a") + place: 0x430 + place for place in range(26)
    }

    def gettext(self, message):
        parts = re.split(r"(\{\w*\})", message)
        return "".join(part if place % 2 else part.translate(self.LETTERS) for place, part in enumerate(parts))

    def ngettext(self, one, more, n):
        return self.gettext(one if n == 1 else more)

    def pgettext(self, context, message):
        return self.gettext(message)


@pytest.fixture
def untranslated(monkeypatch) -> Callable[[str], list[str]]:
    """Every message is translated during the test; gives the words of a text that no catalogue could translate."""
    monkeypatch.setattr(messages, "_catalogue", lambda language: Foreign())
    return re.compile(r"[A-Za-z][A-Za-z/-]*").findall


@dataclass(frozen=True)
class SmallProject:
    """A folder with notebooks/, params/ and data/, and short ways to fill it."""

    root: Path

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def notebook(self, name: str, *cells: str, parameters=PARAMETERS, **about) -> Path:
        """A notebook of code cells below its parameters cell; `about` is its crmlab metadata."""
        about = {"title": name.capitalize(), "tables": ["transactions"]} | about
        code = {"cell_type": "code", "execution_count": None, "outputs": []}
        tagged = code | {"id": "p", "metadata": {"tags": ["parameters"]}, "source": "\n".join(parameters)}
        title = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": f"# {name}\n\nA line on the decision."}
        rest = [code | {"id": f"c{i}", "metadata": {}, "source": cell} for i, cell in enumerate(cells)]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        content = {"cells": [title, tagged, *rest], "metadata": kernel | {"crmlab": about}}
        return self.write(f"notebooks/{name}.ipynb", json.dumps(content | {"nbformat": 4, "nbformat_minor": 5}))

    @property
    def project(self):
        from crmlab.params import find_project

        return find_project(start=self.root)


@pytest.fixture
def small(tmp_path, monkeypatch) -> SmallProject:
    """A project with one client, acme, four transactions and one notebook; it is the working folder."""
    monkeypatch.delenv("CRMLAB_PARAMS", raising=False)
    monkeypatch.delenv("CRMLAB_PUBLISH", raising=False)
    small = SmallProject(tmp_path)
    small.notebook("analysis")
    small.write("params/acme.yaml", BASE)
    small.write("data/acme/transactions.csv", ROWS)
    monkeypatch.chdir(tmp_path)
    return small


@pytest.fixture(scope="module")
def browser():
    """The Chromium of this machine, for no longer than a module: its event loop would be in the way of others."""
    sync_api = pytest.importorskip("playwright.sync_api")
    from crmlab.report import pdf

    if (chromium := pdf.browser()) is None:
        pytest.skip("no Chromium on this machine: pages are not opened in a real browser")
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Opens a file, with options of a context; gives the page, what it asked for and what it said on the console."""
    contexts = []

    def open_(path: Path, *, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page, asked, said = context.new_page(), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page, asked, said

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def example_project(tmp_path_factory) -> Path:
    """The project with the simulated client's data, made anew."""
    folder = tmp_path_factory.mktemp("example")
    for name in ("notebooks", "params"):
        shutil.copytree(ROOT / name, folder / name)
    datasets.write("xinglin", folder / "data" / "xinglin")
    return folder


@pytest.fixture
def example(example_project, monkeypatch) -> Path:
    """The same, as the folder that the test works in."""
    monkeypatch.chdir(example_project)
    return example_project
