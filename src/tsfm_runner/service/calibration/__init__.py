"""Rolling conformal calibration that scores itself; see the ADRs on it."""
