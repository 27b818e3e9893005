"""Sources that Spark alone reaches: Parquet in a store, and tables of its catalogue."""

import re

CATALOGUE = "table://"
_STORE = re.compile(r"(?:table|s3a?|gs|abfss?|wasbs?|adl|hdfs|dbfs|oss|cosn|obs)://")


def is_in_store(source: str) -> bool:
    """Whether a source is the address of Parquet in a store, or `table://` and the name of a table."""
    return bool(_STORE.match(source))
