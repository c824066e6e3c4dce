"""The clauses, one module per subject; each registers itself when it is imported."""
