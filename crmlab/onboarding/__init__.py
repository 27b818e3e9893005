"""The way in: from files that nobody has described to a client's file, and what more files would add."""
