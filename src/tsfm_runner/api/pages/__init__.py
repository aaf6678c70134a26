"""The pages of the service: shells without data, and the files they load."""
