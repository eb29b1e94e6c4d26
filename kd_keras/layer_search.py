"""Finding layers wherever they sit in a model."""


def find_layers(layer, layer_class):
    """Finds the layers of a class in a layer or model, nested ones included.

    Args:
        layer: `keras.Layer` or `keras.Model`; it may itself be found.
        layer_class: Class or tuple of classes.

    Returns:
        List of layers, each once.
    """
    # Keras offers no public walk over sublayers of sublayers.
    return [
        found
        for found in layer._flatten_layers()
        if isinstance(found, layer_class)
    ]
