"""Spoiled files: an error of a line, or rows that add up; never a traceback, a hang or another total."""

import random

import pytest

from tests.mutated import KINDS, check, spoiled


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.file} {kind.form}"[:40])
def test_a_spoiled_file_is_refused_or_adds_up(small, kind):
    outcomes = [check(small, kind, spoiled(kind, random.Random(f"{kind} {seed}"))) for seed in range(12)]
    assert len(outcomes) == 12 and set(outcomes) <= {"refused", "plain", "compared"}
