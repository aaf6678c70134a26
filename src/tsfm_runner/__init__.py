"""Probability series of prediction markets in, quantile bands out."""
