"""The renewal rate: by hand, covering, and honest where contracts know no renewal."""

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import FitError
from crmlab.churn.renewal import renewal_rate


def counts(renewed, ended) -> pd.DataFrame:
    frame = pd.DataFrame({"renewed": renewed, "ended": ended})
    return frame.value_counts(sort=False).rename("customers").reset_index()


def test_by_hand():
    found = renewal_rate(pd.DataFrame({"renewed": [3, 0, 1], "ended": [0, 1, 1], "customers": [10, 5, 5]}))
    assert found.value == pytest.approx(35 / 45) and found.n == 20
    assert 0 < found.low < found.value < found.high < 1


def test_without_a_renewal_there_is_no_rate():
    with pytest.raises(FitError, match="no contract is marked as renewed"):
        renewal_rate(pd.DataFrame({"renewed": [0, 0], "ended": [1, 2], "customers": [4, 1]}))


def test_the_interval_covers():
    rng, held = np.random.default_rng(3), 0
    for _draw in range(200):
        # customers differ: some renew nine times in ten, some every second time
        chance = rng.choice([0.9, 0.5], size=150)
        renewed = np.minimum(rng.geometric(1 - chance) - 1, 6)
        found = renewal_rate(counts(renewed, (renewed < 6).astype(int)))
        # until it ends or the sixth renewal: sums of a truncated geometric
        terms = {p: sum(p**k for k in range(1, 7)) for p in (0.9, 0.5)}
        truth = sum(terms.values()) / sum(terms[p] + 1 - p**6 for p in terms)
        held += found.low <= truth <= found.high
    assert held >= 0.90 * 200
