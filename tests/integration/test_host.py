"""The daemon and its host: signals, standard descriptors, what reads its log."""

import os
import signal
import subprocess

import pytest

from harness.process import clean_environment, hgautod_command
from harness.wait import STRETCH, wait_until


@pytest.fixture
def files(tmp_path):
    """The configuration of a source that needs no cloud."""
    (tmp_path / "store").mkdir()
    return {"source files": {"type": "directory", "path": str(tmp_path / "store")}}


@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_signals_that_mean_nothing_are_ignored_with_a_line(daemon, files, name):
    running = daemon(config=files)
    running.signal(getattr(signal, name))
    running.wait_logged(f"{name} is ignored")
    assert running.alive
    running.stop()


def test_standard_descriptors_may_be_closed(files, write_config):
    """Else the first sockets and files get their numbers, and the log is written into one of them."""
    def close_all():
        for fd in range(3):
            os.close(fd)

    for arguments in (["--version"], ["run", "--once", "-c", write_config(files)]):
        ran = subprocess.run(hgautod_command() + arguments, env=clean_environment({}), preexec_fn=close_all, timeout=60 * STRETCH)
        assert ran.returncode == 0, arguments


def full_pipe():
    """A pipe that nobody reads, filled to the brim; both ends."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    try:
        while True:
            os.write(writer, b"x")
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


def test_a_log_that_nobody_reads_does_not_stop_the_daemon(files, write_config, tmp_path):
    reader, writer = full_pipe()
    config = files | {"log": {"level": "debug"}}
    running = subprocess.Popen(hgautod_command() + ["run", "-c", write_config(config)], env=clean_environment({}),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    try:
        # It works: it takes up an event, which is none, and says so in a report.
        event = tmp_path / "store" / "events" / "1" / "event.json"
        event.parent.mkdir(parents=True)
        (tmp_path / "event.json").write_text("[]")
        (tmp_path / "event.json").rename(event)
        wait_until(lambda: list((tmp_path / "store").glob("reports/1/report_*")), "the report")
        running.terminate()
        assert running.wait(60 * STRETCH) == 0
    finally:
        running.kill()
        running.wait()
        os.close(reader)
