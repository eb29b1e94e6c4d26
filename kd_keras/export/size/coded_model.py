"""A model to be exported, and the embeddings in it."""

import dataclasses
from typing import Any

import keras

from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.find_layers import coded_layers, find_layers, output_layer
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.layers.reduced_embedding import ReducedEmbedding

# The roles of weights. A file stores codes and code embeddings in another form
# than the model's variables.
OTHER = "other layers"
ROLES = ("codes", "code embeddings", "composition", "output layer", OTHER)
# Variables that are no weights, such as the state of a random generator.
NO_WEIGHT = "overhead"
# The layers that are tables, not codes.
TABLES = (keras.layers.Embedding, ReducedEmbedding)
_TABLE = "embedding table (not coded): "


def table_role(name: str) -> str:
    """Returns the role of the weights of a `keras.layers.Embedding`.

    Args:
        name: str. The layer's name.
    """
    return _TABLE + name


@dataclasses.dataclass(frozen=True)
class CodedModel:
    """A model and the facts about it that an export needs.

    Attributes:
        model: Keras layer or model, built.
        layers: tuple of `CodedLayer`, in the order of the model's layers.
        tables: tuple of `TABLES`, in the same order.
        output: The layer that computes the only output, or None.
    """

    model: Any
    layers: tuple[CodedLayer, ...]
    tables: tuple[Any, ...]
    output: keras.layers.Layer | None

    @classmethod
    def of(cls, model: keras.layers.Layer) -> "CodedModel":
        """Finds the embeddings in a layer or model."""
        return cls(
            model,
            tuple(coded_layers(model)),
            tuple(find_layers(model, TABLES)),
            output_layer(model),
        )

    @property
    def embeddings(self) -> tuple[Any, ...]:
        """The coded embeddings; without them the tables, or else the logits."""
        coded = tuple(x for x in self.layers if not isinstance(x, KDLogits))
        return coded or self.tables or self.layers

    def roles(self) -> dict[int, str]:
        """Tells the role of each variable that the model has now.

        A subclassed model may make some when it is first called.

        Returns:
            dict. For each variable, by its `id`, one of `ROLES`, the
            `table_role` of its layer, or `NO_WEIGHT`.
        """
        roles = dict.fromkeys(map(id, self.model.variables), NO_WEIGHT)
        roles |= dict.fromkeys(map(id, self.model.weights), OTHER)
        if self.output is not None:
            own = map(id, self.output.weights)
            roles |= dict.fromkeys(own, "output layer")
        for table in self.tables:
            own = map(id, table.weights)
            roles |= dict.fromkeys(own, table_role(table.name))
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
        """Lists all variables except codes and code embeddings, with roles.

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
