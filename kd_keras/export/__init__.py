"""Export of coded layers and models to LiteRT and SavedModel."""
