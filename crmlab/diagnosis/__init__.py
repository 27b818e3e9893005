"""The diagnosis: all analyses as indicators against targets, a score, a rating, strategies and warnings."""
