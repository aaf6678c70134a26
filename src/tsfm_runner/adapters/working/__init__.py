"""The parts of workers: processes, what they hand over, and how they count."""
