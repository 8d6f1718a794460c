"""The folder of the shipped cases: inside an installed package, or beside it in a checkout."""

from pathlib import Path

import conformance


def cases_folder() -> Path:
    """The folder of cases, surface, fixtures and profiles that travels with this suite."""
    package = Path(conformance.__file__).parent
    installed = package / "cases"
    return installed if installed.is_dir() else package.parent / "cases"
