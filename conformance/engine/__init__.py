"""The engine: asks the questions of a run ahead, judges them in order, and ends the run."""
