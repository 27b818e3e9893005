"""What a report says in its reader's language."""

import json
from io import BytesIO
from threading import Thread

import pytest

from crmlab import messages
from crmlab.extraction import extract_notebook
from crmlab.messages import blocks, clauses, listed, markdown, sentences, speak, speaking, spoken

CELL = """\
## Concentration: who brings the revenue?

A firm that lives on few customers
loses much.

- **T**: time
  since the first purchase.
1. First.
> Said.

```python
- code
```
| a | b |
"""


def test_a_block_speaks_another_language_and_ends():
    with speaking("zh"):
        assert spoken() == "zh"
    assert spoken() == "en"


def test_what_the_process_speaks_holds_in_every_thread_and_a_block_in_its_own_alone():
    heard = []
    speak("zh")
    try:
        with speaking("en"):
            thread = Thread(target=lambda: heard.append(spoken()))
            thread.start()
            thread.join()
    finally:
        speak("en")
    assert heard == ["zh"]


@pytest.mark.parametrize("change", [speak, lambda name: speaking(name).__enter__()])
def test_an_unknown_language_is_named(change):
    with pytest.raises(ValueError, match="`language` must be among en, zh, got 'de'"):
        change("de")


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_what_no_catalogue_holds_stands_as_it_is(language):
    with speaking(language):
        assert messages._("Acme {name} 100%") == "Acme {name} 100%"
        assert messages._("") == ""


def test_sentences_and_lists_follow_the_language():
    assert (sentences("A.", "", "B."), listed("ab"), clauses("ab")) == ("A. B.", "a, b", "a; b")
    with speaking("zh"):
        assert (sentences("甲。", "", "乙。"), listed("ab"), clauses("ab")) == ("甲。乙。", "a、b", "a；b")


def test_a_cell_is_cut_into_what_a_translator_reads():
    assert [text for _, text in blocks(CELL) if text] == [
        "Concentration: who brings the revenue?",
        "A firm that lives on few customers loses much.",
        "**T**: time since the first purchase.",
        "First.",
        "Said.",
    ]


def test_a_cell_put_together_again_says_the_same():
    again = "\n".join(f"{mark}{text}" for mark, text in blocks(CELL))
    assert again.split() == CELL.split()
    assert markdown(CELL) == CELL


def test_a_notebook_s_texts_are_extracted():
    cells = [
        ("markdown", CELL),
        ("code", "tables.table(frame, title='T', subtitle=f'{x}', labels={'a': 'A'}, formats={'a': 'share'})"),
        ("code", "prose.caution('C.', worth.advice())\nplots.figure(plots.map, rfm, read='R')\nopen('file')"),
        ("markdown", "## References\n\n- Fader (2005)."),
    ]
    notebook = {
        "metadata": {"crmlab": {"title": "Value analysis"}},
        "cells": [{"cell_type": kind, "source": source.splitlines(keepends=True)} for kind, source in cells],
    }
    found = [text for _, _, text, _ in extract_notebook(BytesIO(json.dumps(notebook).encode()), (), (), {})]
    assert found[:3] == ["Value analysis", "Concentration", "who brings the revenue?"]
    assert set(found) >= {"T", "A", "C.", "R", "References"}
    assert not {"share", "file", "- Fader (2005).", "Fader (2005)."} & set(found)
