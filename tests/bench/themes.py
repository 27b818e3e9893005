"""How long a million comments take, in Chinese, English and mixed, and how well the themes that were put in come back.

python tests/bench/themes.py [comments]
"""

import resource
import sys
import time

import numpy as np
import pandas as pd

from crmlab.nps.needs import customer_signals
from crmlab.nps.themes import comment_themes

WORDS = {
    "zh": {
        "delivery": "物流 交货 配送 延误 发货 工期 到货 运输",
        "repair": "师傅 维修 故障 修好 技术 零件 工程师 检修",
        "price": "价格 租金 优惠 折扣 费用 合同 账单 付款",
        "answer": "电话 热线 回复 客服 联系 响应 微信 接听",
        "machine": "机器 设备 性能 油耗 耐用 液压 履带 发动机",
    },
    "en": {
        "delivery": "delivery driver late parcel courier arrived shipping truck",
        "repair": "engineer repair broken fixed parts mechanic fault visit",
        "price": "price invoice discount cost lease contract payment fee",
        "answer": "phone hotline reply answered call email waiting desk",
        "machine": "machine engine hydraulic fuel chainsaw power durable noise",
    },
}
FILLERS = {"zh": list("的了在是我们这那就也和与"), "en": ["the", "and", "with", "for", "about", "really", "we", "our"]}


def made_comments(n: int, languages: list[str], seed: int = 1) -> pd.DataFrame:
    """Comments of five themes in each language: words of the theme, one of another, and fillers."""
    rng = np.random.default_rng(seed)
    parts = []
    for name in languages:
        own = {theme: words.split() for theme, words in WORDS[name].items()}
        themes, size = list(own), n // len(languages)
        vocabulary = np.array([own[theme] for theme in themes], dtype=object)
        theme = rng.integers(0, len(themes), size)
        columns = [vocabulary[theme, rng.integers(0, 8, size)] for _column in range(4)]
        columns.append(vocabulary[rng.integers(0, len(themes), size), rng.integers(0, 8, size)])
        fillers = np.array(FILLERS[name], dtype=object)
        columns += [fillers[rng.integers(0, len(fillers), size)] for _column in range(5)]
        joint = "" if name == "zh" else " "
        order = rng.permutation(len(columns))
        texts = [joint.join(row) for row in zip(*(columns[at] for at in order), strict=True)]
        parts.append(pd.DataFrame({"comment": texts, "put_in": [f"{name} {themes[at]}" for at in theme]}))
    frame = pd.concat(parts, ignore_index=True)
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 1000, len(frame)), unit="D")
    frame["customer_id"] = rng.integers(0, max(len(frame) // 3, 1), len(frame)).astype(str)
    frame["nps"] = rng.integers(0, 11, len(frame)).astype(float)
    return frame


def timed(function, *args, **options):
    """Its result, and the seconds it took, by the clock and of the processor (a busy machine takes longer)."""
    clock, processor = time.perf_counter(), time.process_time()
    found = function(*args, **options)
    return found, f"{time.perf_counter() - clock:.1f} s ({time.process_time() - processor:.1f} s of processor)"


def main(n: int) -> None:
    for languages in (["zh"], ["en"], ["zh", "en"]):
        frame = made_comments(n, languages)
        found, themes = timed(comment_themes, frame)
        _signals, signals = timed(customer_signals, frame, until="2026-09-30")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        sys.stdout.write(
            f"{n:,} comments in {' and '.join(languages)}: themes {themes} ({len(found.themes)} of them), "
            f"signals {signals}, peak {peak:.1f} GB\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
