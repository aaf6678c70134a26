"""One outside thing each: tollama, the model registry, files."""
