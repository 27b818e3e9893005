"""A notebook's cells as the parts of a page: title, bottom line, sections, and the sections that end every report."""

import copy
import re
from collections.abc import Mapping

import mistune
from bs4 import BeautifulSoup
from nbformat import NotebookNode

from crmlab.language import number
from crmlab.messages import N_, _, clauses, markdown
from crmlab.prose import MIME, capitalised
from crmlab.report import foreign

# headings by which the tail of a report is known: id, entry in the contents
_TAIL = {
    "definitions": "method",
    "method": "method",
    "data": "data",
    "data quality": "data",
    "cautions": "cautions",
    "references": "refs",
}
_ENDS = ("method", "data", "cautions", "refs")
_CSS = {"text": "", "num": "num", "bar": "bar"}
_TYPES = ("bottom_line", "key_figures", "answer", "caution", "skipped", "table", "figure")
READ = N_("How to read it.")
_LEAD = "the bottom line"


class _Renderer(mistune.HTMLRenderer):
    """Markdown without raw HTML and without images, which would be fetched."""

    def image(self, text, url, title=None):
        return mistune.escape(text)


_markdown = mistune.create_markdown(renderer=_Renderer(escape=True), plugins=["table"])


def read(notebook: NotebookNode, tables: Mapping, *, name: str = "table") -> dict:
    """The parts of the page, ready for the template.

    Parameters
    ----------
    tables
        By name what was read of each table (rows, rejected, reasons): shown where the notebook itself has no section
        on its data.
    name
        What the names of files begin with that the page offers.
    """
    title, dek, parts = _parts(notebook)
    body = [part for part in parts if part["kind"] == "section" and part["blocks"]]
    tail = [part for kind in _ENDS for part in parts if part["kind"] == kind]
    if tables and not any(part["kind"] == "data" for part in tail):
        place = sum(part["kind"] == "method" for part in tail)
        tail.insert(place, _part("data", _("Data quality"), _("Data quality"), [_quality(tables)]))
    # the code of these stands under Method, and so does what a notebook shows before its first heading
    shared = [part for part in parts if part["kind"] != "section" or not part["blocks"]]
    unplaced = parts[0]["blocks"]
    code = [text for part in shared for text in part["code"]]
    if (code or unplaced) and not (tail and tail[0]["kind"] == "method"):
        tail.insert(0, _part("method", _("Method"), _("Method"), []))
    if unplaced:
        tail[0]["blocks"] += unplaced
    for place, part in enumerate(body, 1):
        _answer_first(part["blocks"])
        _finish(part, f"s{place}", place)
    for place, part in enumerate(tail):
        part["code"] = [] if place else code
        earlier = sum(other["kind"] == part["kind"] for other in tail[:place])
        _finish(part, part["kind"] + (f"-{earlier + 1}" if earlier else ""))
    lead = [block for part in parts if part["kind"] == "lead" for block in part["blocks"]]
    _identify(lead, "lead")
    for block in (block for part in body + tail for block in part["blocks"] if "csv" in block):
        block["file"] = f"{name}-{block['id']}.csv"
    return {"title": title, "dek": dek, "lead": lead, "sections": body + tail}


def _part(kind: str, topic: str, question: str, blocks: list) -> dict:
    return {"kind": kind, "topic": topic, "question": question, "blocks": blocks, "code": []}


def _parts(notebook: NotebookNode) -> tuple[str, str, list[dict]]:
    title, dek, parts = "", "", [_part("before", "", "", [])]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for heading, text in _by_heading(cell.source):
                if heading.startswith("# "):
                    title, dek = _(heading[2:].strip()), markdown(" ".join(text.strip().split("\n\n")[0].split()))
                    continue
                if heading:
                    parts.append(_headed(heading[3:].strip()))
                if text.strip() and parts[-1]["kind"] != "before":
                    _add_markdown(parts[-1], text)
        elif cell.cell_type == "code":
            if cell.source.strip():
                parts[-1]["code"].append(cell.source.strip())
            blocks = parts[-1]["blocks"]
            for block in (block for output in cell.outputs for block in _shown(output)):
                # several parts of a section may be left out for one reason
                if block["type"] != "skipped" or block not in blocks:
                    blocks.append(block)
    return title, dek, parts


def _add_markdown(part: dict, text: str) -> None:
    """A paragraph on how to read it goes into the figure it follows."""
    html = _prose(markdown(text), part["kind"])
    blocks = part["blocks"]
    if blocks and blocks[-1]["type"] == "figure" and html.startswith('<p class="read">') and html.count("<p") == 1:
        blocks[-1]["read"] = BeautifulSoup(html, "html.parser").get_text().removeprefix(_(READ)).strip()
    else:
        blocks.append({"type": "markdown", "html": html})


def _by_heading(source: str) -> list[tuple[str, str]]:
    """A Markdown cell cut at its headings of the first and second level, outside fenced code."""
    found: list[tuple[str, list[str]]] = [("", [])]
    fenced = False
    for line in source.splitlines():
        fenced ^= line.lstrip().startswith("```")
        if not fenced and re.match(r"##? ", line):
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return [(heading, "\n".join(lines)) for heading, lines in found]


def _headed(heading: str) -> dict:
    topic, question = (side.strip() for side in heading.partition(":")[::2])
    kind = "lead" if topic.casefold() == _LEAD else _TAIL.get(topic.casefold(), "section")
    return _part(kind, _(topic), capitalised(_(question)) or _(topic), [])


def _prose(text: str, kind: str) -> str:
    soup = BeautifulSoup(str(_markdown(text)), "html.parser")
    for items in soup.find_all(["ul", "ol"]):
        terms = [item.find("strong") for item in items.find_all("li", recursive=False)]
        if items.name == "ul" and kind == "method" and all(terms):
            _as_definitions(soup, items)
        else:
            items["class"] = "points refs" if kind == "refs" else "points"
    for paragraph in soup.find_all("p"):
        if paragraph.get_text().startswith(_(READ)):
            paragraph["class"] = "read"
    for name in ("h1", "h2"):
        for heading in soup.find_all(name):
            heading.name = "h3"
    for found in soup.find_all("table"):
        found.wrap(
            soup.new_tag("div", attrs={"class": "tab", "role": "region", "tabindex": "0", "aria-label": _("Table")})
        )
    return str(soup)


def _as_definitions(soup: BeautifulSoup, items) -> None:
    """`- **Term**: what it means` as a list of definitions."""
    items.name, items["class"] = "dl", "defs"
    for item in items.find_all("li", recursive=False):
        term = item.find("strong").extract()
        term.name = "dt"
        term.string = term.get_text().rstrip(".:：")
        item.insert_before(term)
        item.name = "dd"
        first = item.find(string=True)
        if first:
            first.replace_with(capitalised(re.sub(r"^\s*[:：.–-]?\s*", "", first)))


def _shown(output: NotebookNode) -> list[dict]:
    """What an output shows on the page: our own blocks as they are, markdown as the notebook's, the rest as text."""
    data = output.get("data", {})
    if MIME in data:
        return [_known(data[MIME])] if data[MIME].get("type") != "nothing" else []
    if "text/markdown" in data and not foreign.is_image(data):
        return [{"type": "markdown", "html": _prose(data["text/markdown"], "section")}]
    return foreign.blocks(output)


def _known(content: Mapping) -> dict:
    if content.get("type") not in _TYPES:
        raise ValueError(f"the type of a block must be among {', '.join(_TYPES)}, got {content.get('type')!r}")
    return copy.deepcopy(dict(content))


def _quality(tables: Mapping) -> dict:
    from crmlab.tables import data_quality

    rows = [
        {
            "table": name,
            "rows": found.get("rows"),
            "accepted": None
            if found.get("rows") is None
            else found["rows"] - found.get("rejected", 0) - found.get("filtered", 0),
            "rejected": found.get("rejected"),
            "remarks": clauses(
                _("{what}: {n}").format(what=reason, n=number(count))
                for reason, count in (found.get("reasons") or {}).items()
            ),
        }
        for name, found in tables.items()
    ]
    return data_quality(rows).content


def _finish(part: dict, identity: str, number: int | None = None) -> None:
    kinds = {block["type"] for block in part["blocks"]}
    part |= {"id": identity, "number": number, "code": "\n\n".join(part["code"])}
    part["skipped"] = "skipped" in kinds and not kinds & {"figure", "table"}
    _identify(part["blocks"], identity)


def _answer_first(blocks: list[dict]) -> None:
    """The answer stands right under the question, what the notebook explains before it comes after."""
    types = [block["type"] for block in blocks]
    place = types.index("answer") if "answer" in types else 0
    if set(types[:place]) == {"markdown"}:
        blocks.insert(0, blocks.pop(place))


def _identify(blocks: list[dict], identity: str) -> None:
    """Ids for captions to refer to, classes of columns."""
    for place, block in enumerate(blocks, 1):
        block["id"] = f"{identity}-{place}"
        before = ""
        for column in block.get("columns", []):
            # a column of text needs air after one of numbers
            column["css"] = "txt" if column["kind"] == "text" and before == "num" else _CSS[column["kind"]]
            before = column["kind"]
