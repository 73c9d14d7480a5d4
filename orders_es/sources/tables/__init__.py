"""Tables of orders in CSV, Excel and Parquet files: a whole column is looked at before one cell of it is read."""
