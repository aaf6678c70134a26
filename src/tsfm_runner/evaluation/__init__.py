"""Offline study: how good bands would have been, and where."""
