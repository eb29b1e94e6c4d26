"""Tables of vectors, read, checked and written; one file per format."""
