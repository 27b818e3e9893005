"""What a client sent, opened as SQL: files of any kind and queries, their columns by the contract's names and types."""
