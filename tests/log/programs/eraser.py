"""`python eraser.py URL`: erases the personal data of `mail-1`, and says `go` before and `done` after it, for whoever kills it meanwhile."""

import os
import sys

from erasable import registry

from orders_es import audit
from orders_es.log import open_log


def main():
    with open_log(sys.argv[1], registry=registry()) as log:
        os.write(1, b"go\n")
        audit.erase(log, "mail-1", why="request")
        os.write(1, b"done\n")


if __name__ == "__main__":
    main()
