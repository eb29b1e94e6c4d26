"""Objects to pass to `compile` and `fit`: an optimizer and callbacks."""
