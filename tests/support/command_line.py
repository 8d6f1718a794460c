"""What the fixtures of `tests/conftest.py` and `tests/hostile/conftest.py` give: the suite as a user starts it."""

from collections.abc import Callable
from subprocess import CompletedProcess, Popen

Command = Callable[..., CompletedProcess[str]]
"""`command("run", ...)`: what it printed, and its exit code."""
Begun = Callable[..., "Popen[str]"]
"""`begun(code, "run", ...)`: a command that still runs, with the suite bent by the code."""
Serve = Callable[..., str]
"""`serve("--face", "openai")`: the address of a scripted model that was started with these words."""
