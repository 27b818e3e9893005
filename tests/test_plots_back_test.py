from xml.etree import ElementTree

import numpy as np
import pytest

from crmlab import plots
from crmlab.absence import Absent
from crmlab.diagnosis.back_test import back_test
from crmlab.plots.back_test import outcome_by_score
from crmlab.plots.svg import LIGHT
from tests.test_diagnosis_back_test import signal

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
FINDINGS = [
    (signal(), "Low scores foretold who left: "),
    (signal(strength=0.0), "The score is not shown to predict who left"),
    (signal(strength=-1.0), "The score misleads on who left: "),
    (signal(60), "Low scores foretold who left: "),
    (signal(200).assign(nps=5.0), "The score is not shown to predict who left"),
]


@pytest.mark.parametrize(("histories", "finding"), FINDINGS)
def test_the_figure_states_its_finding_and_fits_its_page(histories, finding):
    tested = back_test(histories).left
    content = plots.figure(outcome_by_score, tested).content
    assert content["title"].startswith(finding)
    assert tested.groups["share"].iloc[0].evidence() in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in root.iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text


def test_every_group_has_its_interval():
    tested = back_test(signal()).left
    drawn = outcome_by_score(tested)
    ends = {tuple(np.round(path.vertices[:, 1], 9)) for each in drawn.collections for path in each.get_paths()}
    assert {(round(share.low, 9), round(share.high, 9)) for share in tested.groups["share"]} <= ends


def test_of_an_outcome_that_is_absent_nothing_is_drawn():
    assert plots.figure(outcome_by_score, Absent("nobody left")).content == {"type": "nothing"}
