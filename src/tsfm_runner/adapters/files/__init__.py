"""Files in and out: market series, request documents, bands."""
