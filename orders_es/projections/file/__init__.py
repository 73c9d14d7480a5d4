"""The read-model file and what lies beside it: its tables, how it is held, who runs, and `ReadModels`, which asks it."""
