"""The questions of auditors as SQL: one SELECT a file, and what its parameters are called where it is a macro of a session.

`orders_es.audit.questions` binds values to the `$names` in a text; a session makes a table macro of it, `ask_late_entries(…)`,
in which an expression over the macro's own arguments stands in each one's place. An argument is never named as a column that the
text reads, for DuckDB would put the argument wherever the column stands.
"""

from orders_es.read_models.questions.question import DUTIES, QUESTIONS, Question, question_sql, with_values

__all__ = ["DUTIES", "QUESTIONS", "Question", "question_sql", "with_values"]
