"""Measures the suite against a plain HTTP loop, in one run on one machine: figures that hold are ratios."""
