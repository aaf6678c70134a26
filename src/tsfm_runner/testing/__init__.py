"""Tools that users run too: the tollama double and the market simulator."""
