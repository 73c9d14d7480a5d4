"""`python -m orders_es`: the command line, where no script is on the path."""

from orders_es.cli import main

if __name__ == "__main__":
    main(prog_name="orders-es")
