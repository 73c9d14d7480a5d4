"""A report: all read models at one moment as files, and one page that shows them. For people who hand figures on.

The page needs no network and no other file to be read; each table on it links to the file that holds all of its rows, and
each file says from which log it comes, so that `orders-es export check` can hold it to that log. Beside it there are pages with a slider
for each of the two clocks, of an order, of a query or of a plot.
"""

from orders_es.report.two_clocks import TwoClocks, clocks_of_order, clocks_of_plot, clocks_of_rows
from orders_es.report.writing import Report, write_report

__all__ = ["Report", "TwoClocks", "clocks_of_order", "clocks_of_plot", "clocks_of_rows", "write_report"]
