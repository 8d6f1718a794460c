"""Measures what the suite catches: faults, legal variants, odd models, mutants."""
