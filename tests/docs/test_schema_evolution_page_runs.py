"""The Python of docs/schema-evolution.md, which says itself what it comes to."""


def test_the_page_runs(run_page):
    run_page("docs/schema-evolution.md")
