"""Shows: every output is a reader of the run log."""
