"""Asks and records: turns a case and a target into exchanges, byte for byte."""
