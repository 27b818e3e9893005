"""Every kind of page, in both languages, in a real browser: for its readers, and against those who mean them ill."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import nbformat
import nbformat.v4 as nb
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from ruamel.yaml import YAML

from crmlab import language
from crmlab.cli import main
from crmlab.messages import LANGUAGES, _, speaking
from tests.conftest import SmallProject

ROOT = Path(__file__).parent.parent
HTML_LANGUAGES = {"en": "en", "zh": "zh-CN"}
NAMES = {"en": "Northern Tools", "zh": "北林租赁"}
HOSTILE = '广源农机 <script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'
CODE = "[0-9A-Z]{4}(-[0-9A-Z]{4})+"
LAST, BEFORE = "2025-12-31", "2025-09-30"
KINDS = ("report", "failed", "portfolio", "history")
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
# the standard that reports are to meet, and axe's advice beyond it
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# descriptions that programs put where nobody wrote one
FILLER = re.compile(
    r"^(image|figure|chart|plot|picture|graphic|<Figure.*|.*without a description|No description.*)$", re.I
)
CHINESE = re.compile("[\u4e00-\u9fff]")
OPEN_ALL = """() => {
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
  document.querySelectorAll(".more input").forEach((each) => { each.checked = true; });
}"""

# What an analyst might write who shows names from the data in every place that there is.
LISTING = (
    "# Listing\n\nWho answered.",
    "import crmlab\nfrom crmlab import intervals, plots, prose, tables\nclient = crmlab.open(client, as_of)",
    "surveys = client.table('surveys').collect().to_pandas()\nname = surveys['comment'][0]",
    "## The bottom line",
    "prose.bottom_line(f'A sentence on {name}.', f'Advice on {name}.')",
    "prose.key_figures({'responses': intervals.count(len(surveys), 'answers', f'Answers {name}'),"
    " 'csat': prose.missing(f'CSAT {name}', f'no scale {name}')})",
    "## Answers: what was said?",
    "prose.answer(f'An answer on {name}.', note)",
    "tables.table(surveys[['touchpoint', 'customer_id', 'comment']], title=name, subtitle=name)",
    "surveys[['customer_id', 'comment']].head(3)",
    "def scatter(result, ax):\n    ax.plot([0, 1], [0, 1])\n    ax.text(0.2, 0.8, result)\n    ax.set_xlabel(result)\n"
    "    ax.set_title(f'The finding on {result}', loc='left')\n    ax.set_label(f'A line from 0 to 1 on {result}')\n"
    "    return ax\nplots.figure(scatter, name, subtitle=name, read=name)",
    "prose.skipped(f'Skipped {name}.', name)",
    "print(name)",
    "## Cautions",
    "prose.caution(f'A caution on {name}.', name)",
    "client.publish(metrics={'responses': intervals.count(len(surveys), 'answers', f'Answers {name}')})",
)
PARAMETERS = ('client: str = "x"', 'as_of: str = "latest"', 'note: str = ""  # a sentence')
# where the listing shows them
PLACES = (
    "h1",
    ".lead .say",
    ".keys .name",
    ".keys .none",
    ".body section > p",
    "caption strong",
    "caption span",
    "td",
    "th",
)
PLACES += (
    "figcaption strong",
    "figcaption span",
    ".fig > svg.wide",
    ".read",
    ".note b",
    ".note p",
    ".body pre",
    ".foot dd",
)
BROKEN = (
    "import crmlab\nclient = crmlab.open(client, as_of)",
    "rows = client.table('transactions').collect().to_pandas()",
    "raise ValueError(f'no forecast for {rows[\"customer_id\"][0]}')",
)


@dataclass(frozen=True)
class Site:
    """Reports as `crmlab report` made them.

    Attributes
    ----------
    first
        The pages as they were before the last date was made again from the same inputs.
    """

    reports: Path
    first: dict[Path, str]

    def page(self, kind: str, spoken: str, client: str = "plain") -> Path:
        """The page of a kind: of the plain client of a language, or the hostile one; the portfolio holds both."""
        if kind == "portfolio":
            pages = {read(path).html["lang"]: path for path in self.indices}
            return pages[HTML_LANGUAGES[spoken]]
        folder = self.reports / f"{client}_{spoken}"
        names = {"report": "value_analysis.html", "listing": "listing.html", "failed": "broken.failed.html"}
        return folder / "index.html" if kind == "history" else folder / LAST / names[kind]

    @property
    def indices(self) -> list[Path]:
        return sorted(self.reports.glob("index*.html"))

    @property
    def all(self) -> list[Path]:
        return sorted(self.reports.rglob("*.html"))


@cache
def read(path: Path) -> BeautifulSoup:
    """A page; no test changes what this gives."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def purchases(identify) -> pd.DataFrame:
    """Two years of 300 customers who buy at rates of their own and leave; then fifteen rows that break the contract."""
    random = np.random.default_rng(11)
    rows = []
    for customer in range(300):
        day, rate, price = random.integers(0, 480), random.gamma(0.9, 0.02), random.gamma(6, 20)
        while day < 730:
            amount = round(price * random.uniform(0.5, 1.5), 2)
            rows.append((identify(customer), np.datetime64("2024-01-01") + day, amount))
            if random.random() < 0.12:
                break
            day += 1 + int(random.exponential(1 / rate))
    rows.append((identify(300), np.datetime64(LAST), 80.0))
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).astype({"date": str, "amount": str})
    for column, value in (("date", f"day {identify(7)}"), ("amount", f"sum {identify(7)}"), ("customer_id", "")):
        table = pd.concat([table, table.head(5).assign(**{column: value})])
    return table.assign(product=identify(7))


def listing() -> str:
    cells = [nb.new_markdown_cell(text) if text.startswith("#") else nb.new_code_cell(text) for text in LISTING]
    cells.insert(1, nb.new_code_cell("\n".join(PARAMETERS), metadata={"tags": ["parameters"]}))
    about = {"title": "Listing", "tables": ["surveys"]}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.writes(nb.new_notebook(cells=cells, metadata={"crmlab": about, "kernelspec": kernel}))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """Of each language a client of plain words and one of hostile ones, reported on for two dates."""
    project = SmallProject(tmp_path_factory.mktemp("project"))
    project.write("notebooks/value_analysis.ipynb", (ROOT / "notebooks/value_analysis.ipynb").read_bytes())
    project.write("notebooks/listing.ipynb", listing())
    project.notebook("broken", *BROKEN, parameters=PARAMETERS)
    for spoken in LANGUAGES:
        for kind in ("plain", "hostile"):
            name, folder = f"{kind}_{spoken}", project.root / f"data/{kind}_{spoken}"
            hostile = kind == "hostile"
            folder.mkdir(parents=True)
            identify = (lambda place: f"{HOSTILE} {place}") if hostile else (lambda place: f"C-{place:04}")
            purchases(identify).to_csv(folder / "transactions.csv", index=False)
            settings = {"client": HOSTILE if hostile else NAMES[spoken], "language": spoken, "max_rejected": 0.2}
            settings |= {"currency": "CNY" if spoken == "zh" else "USD", "targets": {"repeat_share": 0.99}}
            settings["value_analysis"] = {"draws": 40}  # enough for a page that is read for its looks
            data = {"transactions": {"source": f"data/{name}/transactions.csv"}}
            if hostile:
                answers = pd.DataFrame({"date": LAST, "customer_id": [f"{HOSTILE} {place}" for place in range(30)]})
                answers.assign(nps=9, touchpoint=HOSTILE, comment=HOSTILE).to_csv(folder / "surveys.csv", index=False)
                data["surveys"] = {"source": f"data/{name}/surveys.csv"}
                settings["listing"] = {"note": HOSTILE}
            with project.write(f"params/{name}.yaml", "").open("w", encoding="utf-8") as stream:
                YAML().dump(settings | {"data": data}, stream)
    reports = project.root / "reports"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)

        def report(*arguments):
            result = CliRunner().invoke(main, ["report", *arguments], catch_exceptions=False)
            failed = re.findall(r"^failed +(\S+) +(\S+)", result.stdout, flags=re.M)
            assert {notebook for _client, notebook in failed} == {"broken"}, result.output

        plain = [f"plain_{spoken}" for spoken in LANGUAGES]
        report(*plain, "--as-of", BEFORE)
        report()
        first = {path: path.read_text(encoding="utf-8") for path in reports.rglob("*.html")}
        report(*plain, "--force")
    return Site(reports, first)


def violations(page) -> list[str]:
    """What axe finds: its rule, what that says, and the first places."""
    axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
    options = {"runOnly": {"type": "tag", "values": TAGS}, "rules": {"target-size": {"enabled": True}}}
    found = axe_playwright.Axe().run(page, options=options | {"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:4]]}" for each in found]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("kind", [*KINDS, "listing"])
def test_a_page_is_open_to_every_reader_and_asks_for_nothing(site, visit, kind, spoken, width, scheme):
    path = site.page(kind, spoken, "hostile" if kind == "listing" else "plain")
    page, asked, said = visit(path, width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width, "it scrolls sideways"
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") == width, "it scrolls sideways when all is open"
    assert violations(page) == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert said == []


def test_what_is_wrong_is_found(visit, tmp_path):
    """Or else a page would pass because axe did not look."""
    path = tmp_path / "wrong.html"
    close = "".join(f"<button style='width:9px;height:9px;padding:0' aria-label='{n}'></button>" for n in range(3))
    path.write_text(
        f"<p style='color:#aaa;background:#fff'>grey<img src='data:,'><h3>low</h3>{close}", encoding="utf-8"
    )
    page, *_rest = visit(path, width=390)
    rules = {"color-contrast", "image-alt", "html-has-lang", "document-title", "target-size", "page-has-heading-one"}
    assert rules <= {found.partition(":")[0] for found in violations(page)}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_the_scheme_is_the_readers(site, visit, spoken, scheme):
    page, *_rest = visit(site.page("report", spoken), color_scheme=scheme)
    channels = re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]
    assert (sum(map(int, channels)) > 3 * 128) == (scheme == "light")


@pytest.mark.parametrize("client", ["plain", "hostile"])
@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_language_and_title_are_right(site, kind, spoken, client):
    soup = read(site.page(kind, spoken, client))
    assert soup.html["lang"] == HTML_LANGUAGES[spoken]
    name = NAMES[spoken] if client == "plain" else HOSTILE
    if kind in ("report", "failed"):
        with speaking(spoken):
            title = _("Value analysis") if kind == "report" else "Broken"
            day = language.day(date.fromisoformat(LAST))
        assert name in soup.title.string and title in soup.title.string and day in soup.title.string
    elif kind == "history":
        assert name in soup.title.string
    else:
        assert soup.title.string.strip() and soup.h1.get_text(strip=True)
    if kind != "portfolio":
        assert soup.h1.get_text() == name


def test_headings_go_down_one_level_at_a_time(site):
    for path in site.all:
        levels = [int(found.name[1]) for found in read(path).find_all(re.compile("^h[1-6]$"))]
        assert levels[0] == 1 and levels.count(1) == 1, path
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), path


def test_every_link_and_reference_resolves(site):
    @cache
    def ids(path):
        return {found["id"] for found in read(path).find_all(id=True)}

    for path in site.all:
        soup = read(path)
        given = [found["id"] for found in soup.find_all(id=True)]
        assert len(given) == len(set(given)), path
        wanted = [name for key in ("aria-labelledby", "aria-describedby", "aria-controls", "for")
                  for found in soup.find_all(attrs={key: True}) for name in found[key].split()]  # fmt: skip
        assert set(wanted) <= ids(path), path
        links = [found["href"] for found in soup.find_all(href=True) if not found["href"].startswith("data:")]
        assert links, path
        for link in links:
            assert not re.match(r"[a-z]+:|//", link), f"{path}: {link} leads outside"
            file, hash_, anchor = unquote(link).partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.is_file() and target.is_relative_to(site.reports), f"{path}: {link}"
            assert not hash_ or anchor in ids(target), f"{path}: {link}"


def test_pictures_say_what_they_show(site):
    found = {}
    for path in site.all:
        soup = read(path)
        for picture in soup.find_all(["img", "svg"]):
            if picture.get("aria-hidden") == "true":
                continue
            label = picture.get("alt") or picture.get("aria-label") or ""
            assert len(label.strip()) >= 10 and not FILLER.match(label.strip()), f"{path}: {label!r}"
            found.setdefault(path, set()).add(label)
    for spoken in LANGUAGES:
        report = site.page("report", spoken)
        assert len(found[report]) >= 4, "each figure has words of its own"
        assert all(re.search(r"\d", label) for label in found[report]), "a finding has a number"


def test_a_report_is_small(site):
    for path in site.all:
        assert path.stat().st_size < 500_000, f"{path.name} of {path.parent}"


def without_provenance(page: str) -> str:
    kept, blocks = re.subn(r'<section aria-labelledby="fv">.*?</section>', "", page, flags=re.S)
    assert blocks == 1
    return kept


def test_the_same_inputs_give_the_same_bytes_but_for_provenance(site):
    assert set(site.all) == set(site.first)
    for path, before in site.first.items():
        if path.name.startswith("index."):
            assert path.read_text(encoding="utf-8") == before, path
        else:
            assert without_provenance(path.read_text(encoding="utf-8")) == without_provenance(before), path


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_one_control_opens_and_closes_all_code(site, visit, spoken):
    page, *_rest = visit(site.page("report", spoken))
    control, pieces = page.locator("#all-code"), page.locator("details.code")
    assert pieces.count() > 3 and page.locator("details.code[open]").count() == 0
    before = control.inner_text()
    control.click()
    assert page.locator("details.code[open]").count() == pieces.count()
    assert control.inner_text() != before
    page.keyboard.press("Enter")
    assert page.locator("details.code[open]").count() == 0
    assert control.inner_text() == before


def test_on_a_phone_words_of_a_wide_table_are_not_broken_into_letters(visit, tmp_path):
    style = (ROOT / "crmlab/report/template/style.css").read_text(encoding="utf-8")
    row = "<th scope=row>控制条款与限额</th><td>不满意</td>"
    row += "<td class=long>缩短账期、设定限额，并要求预付或担保；每月复核。</td>"
    row += "<td class=num>1,012.57 [999.12, 1,100.01]</td>" * 2
    path = tmp_path / "table.html"
    path.write_text(
        f"<html lang=zh><style>{style}</style><div class=tab><table><tbody><tr>{row}</table></div>", encoding="utf-8"
    )
    page, *_rest = visit(path, width=390)
    assert page.locator(".tab").evaluate("e => e.scrollWidth > e.clientWidth"), "it is moved aside to be read"
    lines = "e => { const r = document.createRange(); r.selectNodeContents(e); return r.getClientRects().length }"
    assert page.locator("td").nth(0).evaluate(lines) == 1
    assert 2 <= page.locator("td.long").evaluate(lines) <= 4


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_long_table_opens_and_comes_as_a_file(site, visit, spoken, scripts):
    page, *_rest = visit(site.page("listing", spoken, "hostile"), java_script_enabled=scripts)
    shown, more = page.locator(".tab.folded tbody tr:visible"), page.locator(".tab.folded + .more")
    assert shown.count() == 12 and more.count() == 1
    more.locator("input").check()
    assert shown.count() == 30
    more.locator("input").uncheck()
    assert shown.count() == 12
    with page.expect_download() as download:
        more.locator("a[download]").click()
    name = download.value.suggested_filename
    assert name.startswith(f"hostile_{spoken}-{LAST}-listing-") and name.endswith(".csv")
    table = pd.read_csv(download.value.path(), encoding="utf-8-sig", dtype=str)
    assert table["customer_id"].str.fullmatch(CODE).all() and table["customer_id"].is_unique
    assert set(table["comment"]) == {HOSTILE}


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_without_scripts_a_page_is_complete(site, visit, kind, spoken):
    bare, _asked, said = visit(site.page(kind, spoken), java_script_enabled=False, width=390)
    full, *_rest = visit(site.page(kind, spoken), width=390)
    assert said == []
    for part in ("h1", "h2", "section p", "td", "th", "figcaption", "dd", "summary"):
        with_scripts = full.locator(f"main {part}:visible").all_text_contents()
        assert [text for text in with_scripts if text] == [
            text for text in bare.locator(f"main {part}:visible").all_text_contents() if text
        ], part
    assert bare.locator("button:visible").count() == 0, "a control that does nothing"
    if kind in ("report", "failed"):
        fold = bare.locator("main details").first
        fold.locator("summary").click()
        assert fold.locator("pre").first.is_visible()


def has_chinese_font() -> bool:
    listed = shutil.which("fc-list") and subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True)
    return bool(listed and listed.stdout.strip())


FONTS = """(texts) => texts.every((text) => {
  const family = getComputedStyle(text).fontFamily;
  return ["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"].every((name) => family.includes(name));
})"""
# A font that lacks a character draws the same box for every such one.
DRAWN = """([characters, family]) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 40;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const pictures = new Set();
  for (const character of characters) {
    pen.clearRect(0, 0, 40, 40);
    pen.font = `32px ${family}`;
    pen.fillText(character, 2, 34);
    pictures.add(pen.getImageData(0, 0, 40, 40).data.join());
  }
  return pictures.size;
}"""


@pytest.mark.skipif(not has_chinese_font(), reason="no Chinese font on this machine: every character would be a box")
@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(("kind", "client"), [("listing", "hostile"), ("report", "plain")])
def test_chinese_is_drawn_in_figures_and_text(site, visit, kind, client, spoken):
    page, *_rest = visit(site.page(kind, spoken, client))
    texts = page.locator(".fig > svg.wide text")
    assert texts.count() > 3, "text in figures is text"
    assert texts.evaluate_all(FONTS)
    in_figures = set(CHINESE.findall("".join(texts.all_text_contents())))
    assert in_figures or kind == "report"
    family = texts.first.evaluate("text => getComputedStyle(text).fontFamily")
    for characters, fonts in ((in_figures, family), (set(CHINESE.findall(page.inner_text("body"))), "")):
        fonts = fonts or page.evaluate("getComputedStyle(document.body).fontFamily")
        assert page.evaluate(DRAWN, [sorted(characters), fonts]) == len(characters)
    assert page.evaluate(DRAWN, ["\ue123\ue124\ue125", family]) == 1, "characters that no font has look alike"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("kind", [*KINDS, "listing"])
def test_hostile_words_run_nothing_and_show_as_typed(site, visit, kind, spoken, width):
    path = site.page(kind, spoken, "hostile")
    page, asked, said = visit(path, width=width)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("window.XSS") is None
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()] and said == []
    assert page.locator("img, iframe, object, embed, script[src], [onerror], [onload]").count() == 0
    assert page.locator("script").count() <= 1
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert HOSTILE in " ".join(page.inner_text("main").replace("\u00a0", " ").split())
    if kind == "listing":
        for place in PLACES:
            assert any(HOSTILE in text for text in page.locator(place).all_text_contents()), place
        first = page.locator(".tab.folded tbody tr").first.locator("th, td").all_text_contents()
        # a customer is shown by the code that stands for it
        assert re.fullmatch(CODE, first[1]) and first[::2] == [HOSTILE, HOSTILE]
    if kind == "report":
        # what stands in a wrong column may be a name: its length is told, not what it says
        rejected = " ".join(page.locator("#data td").all_text_contents())
        assert HOSTILE not in rejected and f"[{len(f'day {HOSTILE} 7')} " in rejected
    if kind == "failed":
        assert f"no forecast for {HOSTILE}" in page.inner_text(".note.failed")


def test_hostile_words_reach_no_record_as_anything_but_text(site):
    """What other programs read holds them as typed too."""
    record = json.loads((site.reports / f"hostile_en/{LAST}/listing.json").read_text(encoding="utf-8"))
    assert record["client_name"] == HOSTILE and record["parameters"]["note"] == HOSTILE
