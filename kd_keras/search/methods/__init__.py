"""What the searches are made of: starts, annealing, least squares, k-means."""
