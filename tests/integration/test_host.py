"""The daemon and its host: signals, standard descriptors, what reads its log."""

import json
import os
import pty
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


@pytest.mark.parametrize("arguments", [["check", "-c", "CONFIG"], ["check", "--json", "-c", "CONFIG"], ["actions"], ["--version"],
                                       ["--help"], ["publish", "-c", "CONFIG"], ["exec", "EVENT"]])
def test_output_that_cannot_be_written_is_a_failure(files, write_config, tmp_path, arguments):
    (tmp_path / "event.json").write_text('{"name":"r","results":[{"automation":{"name":"none"},"entities":[{"id":"a"}]}]}')
    places = {"CONFIG": write_config(files), "EVENT": str(tmp_path / "event.json")}
    with open("/dev/full", "w") as full:
        ran = subprocess.run(hgautod_command() + [places.get(a, a) for a in arguments], env=clean_environment({}), stdout=full,
                             stderr=subprocess.PIPE, text=True, timeout=60 * STRETCH)
    assert ran.returncode == 1 and "cannot write to standard output" in ran.stderr, ran


HOSTILE = "\x1b[31m \x7f \x9b31m \u202e \u2066 \u061c"


def on_terminal(arguments):
    """What a command shows on a terminal, both streams together."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(hgautod_command() + arguments, env=clean_environment({}), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the terminal is closed
        pass
    os.close(ours)
    running.wait(60 * STRETCH)
    return shown.decode()


def assert_harmless(shown, times):
    for character in HOSTILE.replace("[31m", "").replace("31m", "").split():
        assert character not in shown, shown
    assert shown.count("\\u202e") >= times, shown


def test_nothing_shown_acts_on_a_terminal(tmp_path):
    entity = {"id": HOSTILE, "account": HOSTILE}
    event = {"name": HOSTILE, "results": [{"automation": {"name": HOSTILE}, "entities": [entity]}]}
    (tmp_path / "event.json").write_text(json.dumps(event, ensure_ascii=False).replace("\x1b", "\\u001b"))
    assert_harmless(on_terminal(["exec", str(tmp_path / "event.json")]), 4)
    assert_harmless(on_terminal([HOSTILE]), 1)
    assert_harmless(on_terminal(["run", "--" + HOSTILE]), 1)
    assert_harmless(on_terminal(["actions", HOSTILE]), 1)
    assert_harmless(on_terminal(["exec", "/nowhere/" + HOSTILE]), 1)
    assert_harmless(on_terminal(["check", "-c", "/nowhere/" + HOSTILE]), 1)
    (tmp_path / "bad.ini").write_text(f"[{HOSTILE[8:]}]\n[log]\nlevel = {HOSTILE[8:]}\n{HOSTILE[8:]} = 1\n")
    assert_harmless(on_terminal(["check", "-c", str(tmp_path / "bad.ini")]), 3)
    (tmp_path / "good.ini").write_text(f"[source a]\ntype = directory\npath = /srv/{HOSTILE[8:]}\n".replace("\x7f", ""))
    assert_harmless(on_terminal(["check", "-c", str(tmp_path / "good.ini")]), 1)
    assert_harmless(on_terminal(["check", "--json", "-c", str(tmp_path / "good.ini")]), 1)


def test_a_program_gets_a_report_byte_for_byte(tmp_path):
    (tmp_path / "event.json").write_text('{"name":"r","results":[{"automation":{"name":"none"},"entities":[{"id":"\u202e"}]}]}')
    ran = subprocess.run(hgautod_command() + ["exec", str(tmp_path / "event.json")], env=clean_environment({}), capture_output=True,
                         timeout=60 * STRETCH)
    assert "\u202e" in ran.stdout.decode()


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
