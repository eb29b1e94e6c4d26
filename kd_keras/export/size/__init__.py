"""Reports of the bytes of a file or model by role."""
