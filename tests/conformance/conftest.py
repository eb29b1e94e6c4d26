"""The names of the layers under contract."""

import pytest
from contract import LAYERS


@pytest.fixture(params=LAYERS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def names(request):
    """The layers of which this run has cases, to train no others."""
    wanted = {
        item.callspec.params.get("name")
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    }
    return [name for name in LAYERS if name in wanted]
