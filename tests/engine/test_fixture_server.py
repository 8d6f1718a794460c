"""The server of fixtures gives files and nothing else, whatever it is asked for."""

import socket
from pathlib import Path

import pytest

from conformance.engine.fixture_server import FixtureServer


def asked(url: str, target: bytes) -> bytes:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "target", [b"/%00", b"/a%00.txt", b"/..%2f..%2fetc%2fpasswd", b"/../../secret.txt", b"/%ff", b"/"]
)
def test_no_path_is_a_traceback_or_leads_out_of_the_folder(
    target: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.txt").write_text("a")
    with FixtureServer(tmp_path / "served") as server:
        answer = asked(server.url, target)
        assert answer.split(b" ")[1] in (b"404", b"400"), answer
        assert b"secret" not in answer
        assert asked(server.url, b"/a.txt").endswith(b"a")
    assert capfd.readouterr().err == ""
