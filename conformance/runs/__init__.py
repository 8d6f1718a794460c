"""Results of a run: log, evidence, expectations, comparison."""
