"""The commands of the command line, in modules by subject.

A module with one command has `declare(parser)`, which says its arguments, and `run(arguments)`, which does it; one with
several has `declare_NAME` and `run_NAME` for each.
"""
