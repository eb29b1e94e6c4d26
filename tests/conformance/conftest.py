"""The names of the layers under contract."""

import pytest
from contract import LAYERS


@pytest.fixture(params=LAYERS)
def name(request):
    return request.param
