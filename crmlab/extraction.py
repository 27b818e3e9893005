"""For Babel: the messages of a notebook, which stands in English and is translated as its report is made."""

import ast
import json
import re
from collections.abc import Iterator
from typing import IO

from crmlab.messages import blocks
from crmlab.notebook import read_parameters

# what a cell hands to `tables`, `plots` and `prose` to be shown
_KEYWORDS = {"title", "subtitle", "read", "label"}


def extract_notebook(
    fileobj: IO[bytes], keywords, comment_tags, options
) -> Iterator[tuple[int, str | None, str, list[str]]]:
    """Title, Markdown, the help of parameters and the texts that code cells show, as Babel's extractors yield them.

    Shown are strings given as title, subtitle, read or label, the values of `labels={...}`, and whatever is given by
    position to a function of `prose`.
    """
    notebook = json.load(fileobj)
    found = [notebook["metadata"].get("crmlab", {}).get("title", "")]
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", ()):
            found += [parameter.help for parameter in read_parameters(source, where=found[0])]
        else:
            found += _of_markdown(source) if cell["cell_type"] == "markdown" else _of_code(source)
    for text in dict.fromkeys(found):
        # line numbers would change with every edit, and with them the whole catalogue
        if text:
            yield 1, None, text, []


def _of_markdown(source: str) -> list[str]:
    found = []
    for mark, text in blocks(source):
        if found[-1:] == ["References"]:
            break  # works are cited as they were published
        # `## Topic: question` stands on the page as two
        parts = text.partition(":")[::2] if re.match(r"## ", mark) else [text]
        found += [part.strip() for part in parts if part.strip()]
    return found


def _of_code(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        shown = [keyword.value for keyword in node.keywords if keyword.arg in _KEYWORDS]
        for keyword in node.keywords:
            if keyword.arg == "labels" and isinstance(keyword.value, ast.Dict):
                shown += keyword.value.values
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id == "prose"
        ):
            shown += node.args
        found += [node.value for node in shown if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found
