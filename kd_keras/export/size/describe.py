"""The sizes of the embeddings of a model, as a file lists them."""

from typing import Any

from kd_keras.export.size.coded_model import CodedModel
from kd_keras.layers.compositions.by_name import name_of
from kd_keras.layers.kd_logits import KDLogits


def describe_embeddings(coded: CodedModel) -> list[dict[str, Any]]:
    """Describes the coded layers of a model as JSON types.

    Args:
        coded: `CodedModel`.

    Returns:
        list of dict: `N`, `d`, `K`, `D`, `code_dim`, `composition`, the
        composition's `size_arguments`; for a `KDLogits`, `layer`, which is
        `"logits"`; for tiers, `tiers`, a dict of `D`, `ends` and `in_order`
        (whether the ids are in their order); and, if a layer shares its codes
        or its composition with an earlier layer, `shares`, a list of `"codes"`
        and `"composition"`.
    """
    described: list = []
    seen: set = set()
    for layer in coded.layers:
        composition = layer.composition
        described.append(
            {
                "N": layer.symbols,
                "d": layer.output_dim,
                "K": layer.K,
                "D": layer.D,
                "code_dim": layer.code_dim,
                "composition": name_of(composition),
            }
            | composition.size_arguments()
            | ({"layer": "logits"} if isinstance(layer, KDLogits) else {})
        )
        if layer.tiers is not None:
            described[-1]["tiers"] = {
                "D": list(layer.tiers.D),
                "ends": list(layer.tiers.ends),
                "in_order": layer.tiers.order_of(layer.codes) is None,
            }
        parts = {"codes": layer.code_source(), "composition": composition}
        shares = [name for name, part in parts.items() if id(part) in seen]
        if shares:
            described[-1]["shares"] = shares
        seen |= {id(part) for part in parts.values()}
    return described


def describe_tables(coded: CodedModel) -> list[dict[str, Any]]:
    """Describes the embedding tables of a model that are not coded.

    Args:
        coded: `CodedModel`.

    Returns:
        list of dict of JSON types: `name` (the layer's), `N` and `d`.
    """
    return [
        {"name": table.name, "N": table.input_dim, "d": table.output_dim}
        for table in coded.tables
    ]
