import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import processes


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("stripe",), ("swish",), ("mailbox",)])
def test_everything_explains_itself(arguments):
    said = run(*arguments, "--help")
    assert said.returncode == 0
    assert "usage: python -m sandbox" in said.stdout


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.test"])
def test_only_loopback_is_bound(host, tmp_path):
    said = run("stripe", "--port", "0", "--state", str(tmp_path), "--host", host)
    assert said.returncode == 2
    assert "--bind-any" in said.stderr


def test_a_container_may_listen_everywhere(tmp_path):
    with processes.stripe(tmp_path, "--bind-any") as running:
        port = int(running.url.rpartition(":")[2])
        listening = [
            line.split()
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
            if line.split()[1] == f"00000000:{port:04X}" and line.split()[3] == "0A"
        ]
        assert listening


def test_a_taken_port_is_one_clear_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = run("stripe", "--port", str(taken.getsockname()[1]), "--state", str(tmp_path))
    assert said.returncode == 1
    assert said.stderr.startswith("sandbox stripe: ")
    assert len(said.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--port", "70000"), ("--retry-first", "-1")])
def test_numbers_out_of_range_are_refused(arguments, tmp_path):
    said = run("stripe", "--port", "0", "--state", str(tmp_path), *arguments)
    assert said.returncode == 2
