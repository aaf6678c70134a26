"""Frozen words: task, frequency, forecast, model."""
