"""Where models are proven: decide it from outcomes, and route requests by it."""
