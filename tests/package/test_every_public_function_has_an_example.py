"""Every public function has an example that is run; those without one yet are counted here, and the list may only become shorter."""

import importlib
import inspect
from pathlib import Path

import orders_es

ROOT = Path(orders_es.__file__).parent
PACKAGES = sorted(".".join(path.parent.relative_to(ROOT.parent).parts) for path in ROOT.rglob("__init__.py"))
NOT_YET = {
    "orders_es.audit.checking.check_file",
    "orders_es.audit.checking.verify_consistency",
    "orders_es.audit.checkpoint.check_against_checkpoint",
    "orders_es.audit.checkpoint.kept_checkpoints",
    "orders_es.audit.checkpoint.newest_checkpoint",
    "orders_es.audit.checkpoint.prove_consistency",
    "orders_es.audit.checkpoint.read_checkpoint",
    "orders_es.audit.closes.check_close",
    "orders_es.audit.closes.closed",
    "orders_es.audit.closes.closes",
    "orders_es.audit.cose.cose_receipt",
    "orders_es.audit.cose.verify_cose_receipt",
    "orders_es.audit.erasure.erasures",
    "orders_es.audit.erasure.holds",
    "orders_es.audit.erasure.release_hold",
    "orders_es.audit.keys.read_signer",
    "orders_es.audit.keys.write_key",
    "orders_es.audit.publish.publish",
    "orders_es.audit.questions.when.after_close",
    "orders_es.audit.receipt.prove_order",
    "orders_es.audit.receipt.verify_receipt",
    "orders_es.audit.tiles.publish_tiles",
    "orders_es.audit.witness.cosign",
    "orders_es.audit.witness.keep_cosignatures",
    "orders_es.evidence.beside.facts_beside",
    "orders_es.evidence.beside.write_beside",
    "orders_es.evidence.computing.provenance_of",
    "orders_es.http.serving.serve",
    "orders_es.ipython.load_ipython_extension",
    "orders_es.ipython.unload_ipython_extension",
    "orders_es.mcp.server.create_server",
    "orders_es.plots.lag.plot_lag",
    "orders_es.projections.lag.metrics.write_metrics",
    "orders_es.report.two_clocks.clocks_of_plot",
    "orders_es.report.two_clocks.clocks_of_rows",
    "orders_es.sources.rows.standing.unknown_at",
    "orders_es.testing.upcasting.check_schemas",
}


def test_every_public_function_shows_how_it_is_called():
    without = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        functions = (getattr(module, name) for name in getattr(module, "__all__", ()))
        for function in filter(inspect.isfunction, functions):
            text = inspect.getdoc(function) or ""
            if ">>> " not in text and "Example::" not in text:
                without.add(f"{function.__module__}.{function.__name__}")
    assert without - NOT_YET == set(), "give it an example"
    assert NOT_YET - without == set(), "these have one now, or are gone: take them off the list"
