"""Record types, tensors, units, errors and look-ups that every room shares; no files, no networks."""
