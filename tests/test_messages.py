"""What a report says in its reader's language."""

import copy
import json
from io import BytesIO
from threading import Thread

import pytest

from crmlab import messages
from crmlab.extraction import extract_notebook
from crmlab.messages import Reason, blocks, clauses, listed, markdown, sentences, speak, speaking, spoken

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
    declared = 'client: str = "a"  # its id\nas_of: str = "latest"\ntop: float = 0.2  # share shown\n'
    cells = [
        ("markdown", CELL),
        ("code", "tables.table(frame, title='T', subtitle=f'{x}', labels={'a': 'A'}, formats={'a': 'share'})"),
        ("code", "prose.caution('C.', worth.advice())\nplots.figure(plots.map, rfm, read='R')\nopen('file')"),
        ("markdown", "## References\n\n- Fader (2005)."),
    ]
    notebook = {
        "metadata": {"crmlab": {"title": "Value analysis"}},
        "cells": [
            {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": declared.splitlines(keepends=True)},
            *({"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)} for kind, text in cells),
        ],
    }
    found = [text for _, _, text, _ in extract_notebook(BytesIO(json.dumps(notebook).encode()), (), (), {})]
    assert found[:5] == ["Value analysis", "its id", "share shown", "Concentration", "who brings the revenue?"]
    assert set(found) >= {"T", "A", "C.", "R", "References"}
    assert not {"share", "file", "- Fader (2005).", "Fader (2005)."} & set(found)


def test_a_reason_is_english_and_told_in_the_language_spoken(untranslated):
    low = Reason("must be at least {low}", low="0")
    whole = Reason("{column} {reason}", column="amount", reason=low)
    assert (str(whole), json.dumps({whole: 1})) == ("amount must be at least 0", '{"amount must be at least 0": 1}')
    assert untranslated(whole.told()) == ["amount"]
    assert low.told().endswith(" 0")


@pytest.mark.parametrize("text", ["must be {odd}", "100%", "{"])
def test_a_reason_without_values_stands_as_it_is(text):
    assert Reason(text) == Reason(Reason(text)) == Reason(text).told() == text
    assert copy.deepcopy(Reason("{a}", a=1)).told() == "1"
