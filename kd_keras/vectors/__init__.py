"""Reading, checking and writing tables of vectors; one module per format."""
