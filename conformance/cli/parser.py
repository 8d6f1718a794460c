"""The argument parser of every command."""

import argparse
from typing import NoReturn

from conformance.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, with the exit code for the caller's mistakes."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; `{self.prog} --help` lists what there is")
