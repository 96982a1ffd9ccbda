"""A scratch directory, and the processes that live and end with the comparison."""

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_LIMIT_S = 60
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text):
    print(text, file=sys.stderr, flush=True)


def at_least(least, kind=int):
    """A type of argparse."""
    def parse(text):
        number = kind(text)
        if not number >= least:
            raise argparse.ArgumentTypeError(f"{text}: must be at least {least:g}")
        return number

    parse.__name__ = kind.__name__
    return parse


def _end(number, _):
    """All servers are stopped on the way out, as after ^C; one signal is enough for that."""
    for each in ENDING_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def run(main):
    """Ends the program with what `main` returns, or says in a line what went wrong."""
    name = os.path.basename(sys.argv[0])
    for each in ENDING_SIGNALS:
        signal.signal(each, _end)
    try:
        sys.exit(main())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"{name}: {error}")


class Scratch:
    """A directory with a path short enough for UNIX sockets, open to servers that change user."""

    def __init__(self, keep):
        self._keep = keep

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="policyd-cmp-")
        os.chmod(self.path, 0o755)
        return self

    def __exit__(self, *_):
        if self._keep:
            say(f"kept: {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        path = self.file(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def free_port():
    """A TCP port of the loopback address that nobody listens on, below the ephemeral ones."""
    while True:
        port = random.randint(10_000, 22_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def can_connect(endpoint):
    """`endpoint` as the programs take it: unix:PATH or inet:127.0.0.1:PORT."""
    is_unix = endpoint.startswith("unix:")
    with socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET) as probe:
        probe.settimeout(1)
        try:
            probe.connect(endpoint[5:] if is_unix else
                          ("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))
            return True
        except OSError:
            return False


def wait_until(what, condition, log=None):
    limit = time.monotonic() + START_LIMIT_S
    while not condition():
        if time.monotonic() > limit:
            text = open(log, encoding="utf-8", errors="replace").read() if log else ""
            raise RuntimeError(f"waited in vain for {what}\n{text[-3000:]}")
        time.sleep(0.02)


class Daemon:
    """A process that put itself into the background, with what Popen has for others."""

    def __init__(self, pid_file):
        with open(pid_file, encoding="utf-8") as file:
            self.pid = int(file.read())

    def terminate(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def poll(self):
        return None if os.path.exists(f"/proc/{self.pid}") else 0

    def wait(self, limit=START_LIMIT_S):
        until = time.monotonic() + limit
        while self.poll() is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), limit)
            time.sleep(0.02)


class Supervisor:
    """Starts servers and stops all of them at the end, each by its process number."""

    def __init__(self, pin):
        cpus = sorted(os.sched_getaffinity(0))
        self._server_cpus = set(cpus[1:]) if pin and len(cpus) > 1 else None
        self.generator_cpus = {cpus[0]} if self._server_cpus else None
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._running[:]):
            self.stop(process)

    def start(self, command, log, endpoint, environment=None):
        """Returns once somebody answers at `endpoint`."""
        with open(log, "ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})}, start_new_session=True)
        self._running.append(process)
        if self._server_cpus:
            os.sched_setaffinity(process.pid, self._server_cpus)

        def answers_or_ended():
            return process.poll() is not None or can_connect(endpoint)

        wait_until(os.path.basename(command[0]), answers_or_ended, log)
        if process.poll() is not None:
            self._running.remove(process)
            text = open(log, encoding="utf-8", errors="replace").read()
            raise RuntimeError(f"{command[0]} does not start\n{text[-3000:]}")
        return process

    def start_beside(self, command, **streams):
        """A program that does something to the servers, for as long as it likes."""
        process = subprocess.Popen(command, start_new_session=True, **streams)
        self._running.append(process)
        return process

    def start_daemon(self, command, log, endpoint, pid_file):
        """The same for a program that goes into the background by itself."""
        with open(log, "ab") as output:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                           check=True, timeout=START_LIMIT_S)
        wait_until(command[0], lambda: can_connect(endpoint) and os.path.exists(pid_file), log)
        self._running.append(Daemon(pid_file))
        return self._running[-1]

    def stop(self, process):
        self._running.remove(process)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            # Its children share its session, and would outlive it.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
