"""`engine: spark`: for data that has outgrown one machine. Nothing else of the package imports PySpark."""

from crmlab.spark.reading import open_table
from crmlab.spark.session import connect

__all__ = ["connect", "open_table"]
