"""What stands between a client and a server, to lose what either says. Not a test itself."""

import socket
import threading
from abc import ABC, abstractmethod
from contextlib import suppress


class Between(ABC):
    """Listens on a port of its own while its block lasts, and gives each connection to `_carry`, in a thread of its own."""

    def __enter__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listening.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    @abstractmethod
    def _carry(self, client):
        """Carry on what a connection says, or lose it."""
