"""The generated mail stores, the servers beside them, and scans of them."""

import os
import pwd
import re
import subprocess
import time

from comparison.processes import say
from scanning.table import Run

LINE = re.compile(r"(?:scan|verification): (\d+) mailboxes, (\d+) directories, (\d+) messages, "
                  r"(\d+) bytes; (\d+) directories")


class Site:
    """Everything that is measured with. The servers are started when first needed."""

    def __init__(self, options, scratch, supervisor):
        self.options = options
        self.scratch = scratch
        self.supervisor = supervisor
        self.directory = os.path.abspath(options.store or scratch.file("stores"))
        self._redis = None

    def program(self, name):
        return os.path.join(self.options.bin, name)

    def store(self, kind):
        """The store with sizes in 62 % of the names ("named") or in none ("unnamed")."""
        path = os.path.join(self.directory, kind)
        if os.path.exists(self._truth_file(kind)):
            return path
        say(f"making {path}")
        os.makedirs(self.directory, exist_ok=True)
        share = {"named": "0.62", "unnamed": "0"}[kind]
        truth = self._truth_file(kind)
        subprocess.run([self.program("policyd-mailstore"), "make", path, "--mailboxes",
                        str(self.options.mailboxes), "--messages", str(self.options.messages),
                        "--named-sizes", share, "--truth", truth + ".new"],
                       check=True, capture_output=True)
        if os.geteuid() == 0:  # Dovecot does not read mail as root
            subprocess.run(["chown", "-R", "nobody:nogroup", path], check=True)
        os.rename(truth + ".new", truth)
        let_stamps_age()
        return path

    def _truth_file(self, kind):
        return os.path.join(self.directory, kind + ".truth")

    def truth(self, kind):
        """Bytes and messages by mailbox."""
        self.store(kind)
        with open(self._truth_file(kind), encoding="utf-8") as file:
            rows = (line.split("\t") for line in file)
            return {mailbox: (int(size), int(count)) for mailbox, size, count in rows}

    @property
    def redis(self):
        """The socket of a Redis of our own that keeps nothing on disk."""
        if self._redis is None:
            self._redis = self.scratch.file("redis.sock")
            self.supervisor.start(
                ["redis-server", "--port", "0", "--unixsocket", self._redis, "--save", "",
                 "--appendonly", "no"], self.scratch.file("redis.log"), f"unix:{self._redis}")
        return self._redis

    def config(self, root, name, **settings):
        """A configuration of policyd-scan whose state is that of `name`."""
        values = {"virtual_mailbox_base": root, "usage_store": f"redis:unix:{self.redis}",
                  "scan_state_file": self.scratch.file(name + ".state"),
                  "scan_metrics_file": self.scratch.file(name + ".metrics"),
                  "scan_nice": 0, "scan_io_priority": "normal", **settings}
        lines = [f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"'
                 for key, value in values.items()]
        return self.scratch.write(name + ".toml", "\n".join(lines) + "\n")

    def scan(self, config, *arguments):
        """Returns how long one scan took, and what it found."""
        run, output = timed([self.program("policyd-scan"), "--once", "--config", config,
                             *arguments])
        found = LINE.search(output)
        if found is None:
            raise RuntimeError(f"policyd-scan says:\n{output}")
        names = ["mailboxes", "directories", "messages", "bytes", "read"]
        return run, dict(zip(names, map(int, found.groups())))

    def metric(self, name, metric):
        with open(self.scratch.file(name + ".metrics"), encoding="utf-8") as file:
            return float(re.search(rf"^policyd_scan_{metric} (\S+)$", file.read(), re.M).group(1))


def let_stamps_age():
    """What changed less than two seconds before it was read is read again at the next scan, by design:
    the first rescan of something new is no rescan of something unchanged."""
    subprocess.run(["sync"], check=True)
    time.sleep(2.5)


def forget_pages():
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")


def timed(command):
    begin = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:
        try:
            output = process.stdout.read()
        except BaseException:
            process.kill()
            raise
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{output}")
    return Run(wall, usage.ru_utime + usage.ru_stime), output


def mail_owner():
    nobody = pwd.getpwnam("nobody")
    return (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
