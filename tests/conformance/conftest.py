"""The layer under contract, by name."""

import pytest
from contract import LAYERS


@pytest.fixture(params=LAYERS)
def name(request):
    return request.param
