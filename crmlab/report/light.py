"""Imported before papermill: it spares the run what jsonschema would build, for longer than all else takes to import.

That is a grammar of addresses beyond ASCII (IRIs), which no schema of notebooks mentions. Where the package that holds
it is missing, as here it seems to be, jsonschema does without.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)
