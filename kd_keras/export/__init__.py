"""What `export_saved_model` and `export_litert` are made of."""
