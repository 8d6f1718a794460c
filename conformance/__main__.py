"""`python -m conformance` is the command `conformance`."""

from conformance.runner.command import main

if __name__ == "__main__":
    raise SystemExit(main())
