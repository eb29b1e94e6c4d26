"""A model to be exported, and the coded layers in it."""

import dataclasses
from typing import Any

import keras

from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.find_layers import coded_layers, output_layer

# The roles of weights. A file stores codes and code embeddings in another form
# than the model's variables.
ROLES = ("codes", "code embeddings", "composition", "output layer", "rest")


@dataclasses.dataclass(frozen=True)
class CodedModel:
    """A model and the facts about it that an export needs.

    Attributes:
        model: Keras layer or model, built.
        layers: tuple of `CodedLayer`, in the order of the model's layers.
        output: The layer that computes the only output, or None.
    """

    model: Any
    layers: tuple[CodedLayer, ...]
    output: keras.layers.Layer | None

    @classmethod
    def of(cls, model: keras.layers.Layer) -> "CodedModel":
        """Finds the coded layers of a layer or model."""
        return cls(model, tuple(coded_layers(model)), output_layer(model))

    def roles(self) -> dict[int, str]:
        """Tells the role of each weight that the model has now.

        A subclassed model may make some when it is first called.

        Returns:
            dict. For each variable, by its `id`, one of `ROLES`.
        """
        roles = dict.fromkeys(map(id, self.model.variables), "rest")
        if self.output is not None:
            own = map(id, self.output.variables)
            roles |= dict.fromkeys(own, "output layer")
        for layer in self.layers:
            if layer.built:
                composition = layer.composition
                for variable in composition.variables:
                    roles[id(variable)] = "composition"
                roles[id(composition.code_embeddings)] = "code embeddings"
                for variable in layer.code_variables():
                    roles[id(variable)] = "codes"
        return roles

    def weights_beside_codes(self) -> list[tuple[str, Any]]:
        """Lists all weights except codes and code embeddings, with roles.

        Returns:
            list of `(role, variable)`.
        """
        roles = self.roles()
        found = [(roles[id(v)], v) for v in self.model.variables]
        return [
            (role, variable)
            for role, variable in found
            if role not in ("codes", "code embeddings")
        ]
