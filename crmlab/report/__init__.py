"""Runs notebooks and publishes reports. Knows nothing of any metric."""
