import threading
from contextlib import contextmanager

import pytest

from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder, PlaceOrder
from orders_es.service import handle


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        yield log


@pytest.fixture
def shop(log):
    """A log in which A-1 is placed with two mugs at 2.50, and A-2 is open."""
    handle(log, "A-1", CreateOrder(currency="GBP", customer_id="ann"))
    handle(log, "A-1", AddItem(item_id="mug", quantity=2, price=5))
    handle(log, "A-1", PlaceOrder())
    handle(log, "A-2", CreateOrder(currency="EUR"))
    return log


@pytest.fixture
def client_of():
    """Gives a client of an application on a log, in this process."""
    from contextlib import ExitStack

    from starlette.testclient import TestClient

    from orders_es.http import ServerSettings, create_app

    with ExitStack() as opened:

        def make(log, *, headers=None, base_url="http://localhost", **settings):
            app = create_app(log, ServerSettings(**settings))
            return opened.enter_context(TestClient(app, base_url=base_url, headers=headers))

        yield make


@pytest.fixture
def serving():
    """Gives, for a log, the address of a real server on a free port, in a thread of this process, for a block."""
    return _serving


@contextmanager
def _serving(log, **settings):
    """The address of a real server on a free port, in a thread of this process."""
    import uvicorn

    from orders_es.http import ServerSettings, create_app, listen

    with listen() as taken:
        app = create_app(log, ServerSettings(**settings))
        config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="on", timeout_graceful_shutdown=10)
        started = threading.Event()

        class Server(uvicorn.Server):
            async def startup(self, sockets=None):
                await super().startup(sockets)
                started.set()

        server = Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        assert started.wait(600)
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            app.state.door.tail.end()
            server.should_exit = True
            thread.join()
