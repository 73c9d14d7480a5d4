import types

import pytest

from orders_es import orders, replay, service, testing


@pytest.mark.parametrize("package", [orders, replay], ids=lambda package: package.__name__)
def test_every_public_name_is_listed(package):
    public = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert set(package.__all__) >= public - {"annotations", "Any", "TYPE_CHECKING"}
    assert len(package.__all__) == len(set(package.__all__))


@pytest.mark.parametrize("package", [orders, replay, service, testing], ids=lambda package: package.__name__)
def test_every_listed_name_is_there_and_explained(package):
    for name in package.__all__:
        value = getattr(package, name)
        if isinstance(value, type | types.FunctionType):
            assert value.__doc__, name
