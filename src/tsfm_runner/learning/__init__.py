"""How the bundled model is trained, and made one's own; needs the extra `train`."""
