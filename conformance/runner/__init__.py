"""The engine: command line, scheduler and pytest plugin."""
