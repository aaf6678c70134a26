"""The HTTP edge: guard, decode, translate, problems, OpenAPI."""
