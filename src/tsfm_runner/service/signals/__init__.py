"""Breach signals: prices that have left the bands that were served for them."""
