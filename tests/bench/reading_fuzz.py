"""Spoils files of every kind, 2,000 or as many as asked for, and reads them.

Prints what became of them, and every seed that did not hold.
"""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.conftest import SmallProject  # noqa: E402
from tests.mutated import KINDS, check, spoiled  # noqa: E402

SLOWEST_SECONDS = 20


def main(wanted: int, first: int = 0) -> int:
    outcomes, faults, slowest = Counter(), [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        small = SmallProject(Path(folder))
        small.notebook("analysis")
        (small.root / "params").mkdir()
        os.chdir(folder)
        for seed in range(first, first + wanted):
            kind = KINDS[seed % len(KINDS)]
            began = time.process_time()
            try:
                outcomes[check(small, kind, spoiled(kind, random.Random(seed)))] += 1
            except Exception as error:
                faults.append(f"seed {seed}, {kind.file} {kind.form}: {type(error).__name__}: {error}")
            slowest = max(slowest, time.process_time() - began)
    told = ", ".join(f"{name} {n}" for name, n in sorted(outcomes.items()))
    sys.stdout.write("\n".join([*faults, f"{wanted} files: {told}, failed {len(faults)}, slowest {slowest:.1f} s", ""]))
    return int(bool(faults) or slowest > SLOWEST_SECONDS)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:] or ["2000"])))
