"""The parts of the searches: starts, annealing, least squares, k-means."""
