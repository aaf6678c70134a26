"""The gate of a rollout: what a running service tells, held against limits."""
