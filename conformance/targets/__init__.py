"""Targets: how a server is reached, what it can do, which gaps it documents."""
