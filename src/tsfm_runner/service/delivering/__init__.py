"""Breach signals on their way to endpoints outside, at least once."""
