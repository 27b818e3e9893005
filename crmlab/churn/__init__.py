"""Who leaves, why, what it costs, and whom to call first."""
