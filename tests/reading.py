"""How tests read one table of the small project."""

import duckdb

from crmlab import data
from crmlab.params import load_params

HEAD = "client: Acme Pumps\ncurrency: USD\nmax_rejected: 1\n"


def read(small, rows=None, form="", *, table="transactions", file="t.csv", params=None, head=HEAD):
    """The accepted rows of a file with this content and of this YAML beside its source, and their quality."""
    if rows is not None:
        small.write(f"data/acme/{file}", rows)
    stated = f"{{source: data/acme/{file}, {form}}}" if form else f"{{source: data/acme/{file}}}"
    small.write("params/acme.yaml", params or f"{head}data:\n  {table}: {stated}\n")
    relation, quality = data.open_table(data.connect(), load_params(small.project, "acme"), table, small.project)
    return relation.df(), quality


def shown(way, *texts):
    """What a column of these texts shows of how it is to be read; `way` is an `Order` or a `Written`."""
    rows = ", ".join("(?)" for _text in texts)
    counts = f"SELECT {', '.join(way.evidence(way.bare('x')))} FROM (VALUES {rows}) AS t(x)"
    return way.shown(*duckdb.execute(counts, texts).fetchall()[0])
