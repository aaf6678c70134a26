"""A foundation model's two faces: what it is shown and what its answer means."""
