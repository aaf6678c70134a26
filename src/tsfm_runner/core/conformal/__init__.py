"""Calibrated bands from what really happened: scores, sketches, levels, scales.

Everything here works on arrays over (markets, steps, levels) and keeps no state.
Throughout, a *tail* is the probability that the price ends beyond one edge of a
band, and the *size* of a score is its absolute value.
"""
