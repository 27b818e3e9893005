"""What customers say: whether they recommend the client, how satisfied they are, why, and whether it pays."""
