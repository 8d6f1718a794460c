"""The command line: commands, options, progress, and what is printed."""
