"""Outputs that are not of our making: pictures, tables of pandas, text. What they say is shown, their markup is not."""

import base64
import re
from collections.abc import Mapping

from bs4 import BeautifulSoup
from nbformat import NotebookNode

_IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


def is_image(data: Mapping) -> bool:
    """Whether an output holds a picture, by which it is then shown."""
    return any(mime in data for mime in _IMAGES)


def blocks(output: NotebookNode) -> list[dict]:
    """What to show of an output; messages on stderr are for the analyst, not for the page."""
    if output.output_type == "stream":
        return _text(output.text) if output.name == "stdout" else []
    if output.output_type == "error":
        return _text(f"{output.ename}: {output.evalue}")
    data = output.data
    for mime in _IMAGES:
        if mime in data:
            return [_image(mime, data)]
    return _of_html(data["text/html"]) if "text/html" in data else _text(data.get("text/plain", ""))


def _text(text: str) -> list[dict]:
    return [{"type": "text", "text": text.strip()}] if text.strip() else []


def _image(mime: str, data: Mapping) -> dict:
    """A picture as data; an SVG stands as an image too, where no script of it can run."""
    drawn, said = data[mime].strip(), data.get("text/plain", "")
    if mime == "image/svg+xml":
        drawn = base64.b64encode(drawn.encode()).decode()
    alt = said if said and not said.startswith("<") else "Figure without a description"
    return {"type": "image", "mime": mime, "data": drawn, "alt": alt}


def _of_html(html: str) -> list[dict]:
    """Foreign HTML: its tables with their text alone, or its text."""
    soup = BeautifulSoup(html, "html.parser")
    for found in soup(["script", "style", "template"]):
        found.decompose()
    tables = [_table(found) for found in soup.find_all("table")]
    if tables:
        return tables
    text = " ".join(soup.get_text(" ").split())
    return [{"type": "answer", "text": text}] if text else []


def _table(found) -> dict:
    heads = _grid(found.select("thead tr"))
    rows = _grid(row for row in found.select("tr") if not row.find_parent("thead"))
    if (
        rows
        and not any(head[0] for head in heads if head)
        and [row[0] for row in rows] == [*map(str, range(len(rows)))]
    ):
        heads, rows = ([row[1:] for row in part] for part in (heads, rows))  # the index only counts the rows
    width = max((len(row) for row in heads + rows), default=0)
    heads, rows = ([row + [""] * (width - len(row)) for row in part] for part in (heads, rows))
    labels = [" ".join(dict.fromkeys(head[place] for head in heads if head[place])) for place in range(width)]
    kinds = ["num" if rows and all(_is_number(row[place]) for row in rows) else "text" for place in range(width)]
    caption = found.find("caption")
    return {
        "type": "table",
        "title": " ".join(caption.get_text(" ").split()) if caption else "",
        "subtitle": "",
        "columns": [{"label": label, "kind": kind} for label, kind in zip(labels, kinds, strict=True)],
        "rows": [[_number_cell(text) for text in row] for row in rows],
        "total": [],
        "flag": "",
    }


def _grid(rows) -> list[list[str]]:
    """The text of every row's cells; a cell that spans several columns or rows is repeated in each."""
    grid: list[list[str]] = []
    spanning: dict[int, tuple[int, str]] = {}  # by column: rows still to fill, text
    for row in rows:
        line: list[str] = []
        for cell in [*row.find_all(["th", "td"]), None]:
            while spanning.get(len(line), (0, ""))[0]:
                left, text = spanning[len(line)]
                spanning[len(line)] = (left - 1, text)
                line.append(text)
            if cell is None:
                break
            text = " ".join(cell.get_text(" ").split())
            for _ in range(_span(cell, "colspan")):
                spanning[len(line)] = (_span(cell, "rowspan") - 1, text)
                line.append(text)
        grid.append(line)
    return grid


def _span(cell, name: str) -> int:
    return min(100, max(1, int(cell.get(name, 1))))


def _number_cell(text: str) -> dict:
    return {"text": text.replace("-", "−") if _is_number(text) else text}


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-−+]?[\d,]*\.?\d+(?:e[-+]\d+)?%?|–|nan|NaN|", text))
