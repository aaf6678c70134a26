"""Arrays in, arrays out: resampling, transforms, baselines, post-processing."""
