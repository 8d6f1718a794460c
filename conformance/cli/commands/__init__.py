"""One module per command of the command line: `declare(parser)` says its arguments, `run(arguments)` does it."""
