"""Keeps what a run found: log, evidence, expectations, comparison."""
