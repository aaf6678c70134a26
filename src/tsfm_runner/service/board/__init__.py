"""Every market that was forecast lately, as it stands now."""
