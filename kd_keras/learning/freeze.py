from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_embedding import KDEmbedding, codes_fixed_in_copies


def freeze(layer_or_model):
    """Copies a layer or model and fixes the codes it has learned.

    In the copy every `KDEmbedding` has its present codes as fixed weights,
    uint8 up to K = 256, instead of `(N, D, K)` float logits; all other
    weights, the code embeddings included, have the same values and go on
    training. The copy computes what the original computes in evaluation. It
    is not compiled, as with `keras.models.clone_model`.

    A `.keras` file of the copy loads as usual, unless a subclassed model
    writes `codes="learn"` into its own `__init__`: loading runs that again.
    Save the copy's weights then, and load them into `freeze` of a new model.

    Args:
        layer_or_model: A `KDEmbedding`, or a built Keras model (Sequential,
            functional, or subclassed with `get_config`) that holds such
            layers at any depth. It is not changed.

    Returns:
        A new layer or model of the same class.

    Raises:
        ValueError: If there is no `KDEmbedding` in it, or it is not built.

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> model = keras.Sequential(
    ...     [kd_keras.KDEmbedding(100, 8, K=4, D=3, codes="learn")]
    ... )
    >>> ids = np.array([[1, 2, 3]])
    >>> before = model(ids)
    >>> small = kd_keras.freeze(model)
    >>> print(np.array_equal(before, small(ids)), small.layers[0].codes.dtype)
    True uint8
    """
    embeddings = find_layers(layer_or_model, KDEmbedding)
    if not embeddings:
        raise ValueError(
            "freeze needs a KDEmbedding or a model with one. Received: "
            f"{layer_or_model!r}"
        )
    if not layer_or_model.built:
        raise ValueError(
            "freeze needs a built model: call it once on ids. Received: "
            f"{layer_or_model!r}, not built"
        )
    with codes_fixed_in_copies():
        copy = type(layer_or_model).from_config(layer_or_model.get_config())
    if not copy.built:
        copy.build_from_config(layer_or_model.get_build_config() or {})
        copy.built = True  # as Keras does where it loads a model
    copies = find_layers(copy, KDEmbedding)
    for source, target in zip(embeddings, copies, strict=True):
        target.codes = source.codes
    sources = _weights_beside_codes(layer_or_model)
    targets = _weights_beside_codes(copy)
    if [v.shape for v in sources] != [v.shape for v in targets]:
        raise ValueError(
            "freeze needs a model whose `get_config` describes all of it, and "
            "no KDCodeLearner that is used both in a KDEmbedding and outside. "
            f"Received: {layer_or_model!r}, whose copy has {len(targets)} "
            f"weights beside codes instead of {len(sources)}"
        )
    for source, target in zip(sources, targets, strict=True):
        # As an array of its own: JAX variables would share one buffer, and
        # the training of one model delete the other's.
        target.assign(source.numpy())
    return copy


def _weights_beside_codes(layer):
    """Lists the variables of a layer or model except logits and codes."""
    codes = set()
    for embedding in find_layers(layer, KDEmbedding):
        if embedding.learner is not None:
            codes |= {id(v) for v in embedding.learner.variables}
        else:
            codes.add(id(embedding._codes))
    return [v for v in layer.variables if id(v) not in codes]
