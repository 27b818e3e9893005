"""Parquet files without the rows of one customer: order, types, what is noted of them and packing stay."""

import os

from crmlab.removal.rows import Removal, Wanted

# what the codecs of a file are called where one is written
_CODECS = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}


def rewrite_parquet(removal: Removal, wanted: Wanted) -> None:
    """Write all but the customer's rows into the new file, group by group."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(removal.path) as source:
        folded = {name.strip().lower(): name for name in source.schema_arrow.names}
        key, rows = folded.get(wanted.column.strip().lower()), 0
        removal.keyed = key is not None
        with pq.ParquetWriter(removal.new, source.schema_arrow, compression=_compression(source.metadata)) as target:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group)
                if key:
                    values = _plain(table[key])
                    owned = [value for value in pc.unique(values).to_pylist() if wanted.owns(value)]
                    kept = table.filter(pc.invert(pc.is_in(values, pa.array(owned, values.type))))
                    removal.rows += table.num_rows - kept.num_rows
                    table = _forgotten(kept)
                target.write_table(table, row_group_size=max(table.num_rows, 1))
                removal.named += [rows + place + 1 for place in _naming(table, wanted)]
                rows += table.num_rows
    with removal.new.open("rb") as stream:
        os.fsync(stream.fileno())


def _compression(metadata) -> dict[str, str] | str:
    """How each column is packed, as a writer is told."""
    if not metadata.num_row_groups:
        return "snappy"
    columns = map(metadata.row_group(0).column, range(metadata.num_columns))
    return {column.path_in_schema: _CODECS.get(column.compression, column.compression) for column in columns}


def _naming(table, wanted: Wanted) -> list[int]:
    """Places of the rows in which a text names the customer."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: set[int] = set()
    for column in map(_plain, table.columns):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts = [text for text in pc.unique(column).to_pylist() if text and wanted.is_named_in(text)]
            named = pc.is_in(column, pa.array(texts, column.type)).to_numpy()
            found.update(named.nonzero()[0].tolist())
    return sorted(found)


def _plain(column):
    """A column by its values, not by their places in a dictionary."""
    import pyarrow as pa

    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _forgotten(table):
    """Without the values in dictionaries that no row holds any more."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for at, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            values = pc.dictionary_encode(_plain(table.column(at))).cast(column.type)
            table = table.set_column(at, column, values)
    return table
