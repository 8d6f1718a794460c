"""The package as a user installs it: cases and targets travel in the wheel, and the command works in any folder."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_works_from_a_wheel_in_another_folder(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    words = ["run", "--select", "messages.*, documents.*", "--out", "out"]
    command = [str(home / "bin" / "conformance"), *words]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (elsewhere / "out").iterdir()} >= {"run.jsonl", "index.html", "evidence.jsonl.zst"}
    listed = subprocess.run([str(home / "bin" / "conformance"), "lint"], capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stdout
