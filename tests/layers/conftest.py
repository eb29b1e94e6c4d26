"""Fixtures of the tests of layers."""

import pytest

from kd_keras.layers.compositions.by_name import COMPOSITIONS

KINDS = {
    f"{kind} {composition}": {"codes": codes, "composition": composition}
    for kind, codes in (("fixed", None), ("learned", "learn"))
    for composition in COMPOSITIONS
}


@pytest.fixture(params=KINDS)
def options(request):
    """Arguments of an embedding of each composition, fixed and learned."""
    return KINDS[request.param]
