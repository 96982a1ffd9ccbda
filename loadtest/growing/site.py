"""The processes that are measured: a policyd on tables of text, and a Redis."""

import glob
import json
import os
import re
import socket
import subprocess
import time

from comparison.processes import free_port
from growing import files

MEMORY = 'quota_reservations = false\nusage_cache_time = "1h"\n'
RESERVING = ""


class Redis:
    def __init__(self, site, name):
        self.socket = site.scratch.file(f"redis-{name}.sock")
        self.process = site.supervisor.start(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir",
             site.scratch.path, "--save", "", "--appendonly", "no"],
            site.scratch.file(f"redis-{name}.log"), f"unix:{self.socket}")

    def used_memory(self):
        info = subprocess.run(["redis-cli", "-s", self.socket, "INFO", "memory"], check=True,
                              capture_output=True, text=True).stdout
        return int(re.search(r"^used_memory:(\d+)", info, re.MULTILINE).group(1))


class Policyd:
    """One policyd with so many mailboxes and networks. `settings` are further lines, `before` is
    what starts the program."""

    def __init__(self, site, name, redis, mailboxes=0, networks=0, settings=RESERVING, before=()):
        self.site = site
        self.name = name
        self.redis = redis
        self.mailboxes = mailboxes
        self.endpoint = f"unix:{site.scratch.file(name + '.sock')}"
        self.control = f"unix:{site.scratch.file(name + '.ctl')}"
        self.metrics = f"inet:127.0.0.1:{free_port()}"
        self.log = site.scratch.file(name + ".log")
        self.config = site.scratch.write(name + ".toml", self._config(networks) + settings)
        begin = time.perf_counter()
        self.process = site.supervisor.start(
            [*before, site.program("policyd"), "--config", self.config], self.log, self.endpoint)
        self.start_s = time.perf_counter() - begin

    def _config(self, networks):
        text = f"""\
listen = ["{self.endpoint}"]
metrics_listen = "{self.metrics}"
control_socket = "{self.control}"
log_destination = "file:{self.log}"
usage_store = "redis:unix:{self.redis.socket}"
recipient_cache_time = "1h"
cache_size = {max(2 * self.mailboxes, 10_000)}
"""
        if self.mailboxes:
            boxes, limits, domains = self.site.mailbox_files(self.mailboxes)
            text += (f'virtual_mailbox_domains = ["texthash:{domains}"]\n'
                     f'virtual_mailbox_maps = ["texthash:{boxes}"]\n'
                     f'virtual_mailbox_limit_maps = ["texthash:{limits}"]\n')
        if networks:
            text += f'client_access_maps = ["cidr:{self.site.network_file(networks)}"]\n'
        return text

    @property
    def pids(self):
        return [self.process.pid, self.redis.process.pid]

    def stop(self):
        self.site.supervisor.stop(self.process)

    def loop_ms(self):
        """Processor time of the threads that answer."""
        total = 0
        for task in glob.glob(f"/proc/{self.process.pid}/task/*"):
            with open(f"{task}/comm", encoding="ascii") as name:
                if name.read() == "worker\n":
                    with open(f"{task}/schedstat", encoding="ascii") as times:
                        total += int(times.read().split()[0]) / 1e6
        return total

    def resident(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1)) * 1024

    def metric(self, name):
        port = int(self.metrics.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            with connection.makefile("r", encoding="utf-8") as reply:
                for line in reply:
                    if line.startswith(name + " "):
                        return int(float(line.split()[1]))
        raise RuntimeError(f"policyd tells no {name}")

    def heap(self):
        """What is allocated of its memory, as it says itself."""
        return self.metric("policyd_heap_bytes")

    def tell(self, command):
        """Returns how many seconds policyctl took. A reload reads all tables anew."""
        if command == "reload":
            self.site.touch_files()
        begin = time.perf_counter()
        subprocess.run([self.site.program("policyctl"), command, "--socket", self.control],
                       check=True, stdout=subprocess.DEVNULL, timeout=120)
        return time.perf_counter() - begin


class Site:
    """What all measurements have: the options, a scratch directory, and files written once."""

    def __init__(self, options, scratch, supervisor):
        self.options = options
        self.scratch = scratch
        self.supervisor = supervisor
        self._files = {}

    def program(self, name):
        return os.path.join(self.options.bin, name)

    def _once(self, write, count):
        if (write, count) not in self._files:
            self._files[write, count] = write(self.scratch, count)
        return self._files[write, count]

    def touch_files(self):
        """What has not changed a reload does not read."""
        for written in self._files.values():
            for path in [written] if isinstance(written, str) else written:
                os.utime(path)

    def mailbox_files(self, count):
        return self._once(files.write_mailboxes, count)

    def network_file(self, count):
        return self._once(files.write_networks, count)

    def client_file(self, count):
        return self._once(files.write_clients, count)

    def start_load(self, policyd, arguments, json_path, before=()):
        return self.supervisor.start_beside(
            [*before, self.program("policyd-load"), *arguments, "--server", policyd.endpoint,
             "--time-limit", "60", "--quiet", "--json", json_path], stdout=subprocess.DEVNULL)

    def load(self, policyd, *arguments):
        """What policyd-load measured. A wrong answer is the end of everything."""
        path = self.scratch.file("run.json")
        pids = ",".join(map(str, policyd.pids))
        status = self.start_load(policyd, [*arguments, "--server-pid", pids], path).wait(600)
        return self.result_of(status, path)

    @staticmethod
    def result_of(status, json_path):
        if status not in (0, 1):
            raise RuntimeError(f"policyd-load ended with {status}")
        with open(json_path, encoding="utf-8") as file:
            result = json.load(file)
        if status == 1:
            raise RuntimeError(f"wrong answers: {result['faults']}")
        return result

    def ask_about_all(self, policyd):
        """Every mailbox once, so that all are remembered and Redis knows them."""
        self.load(policyd, "newcomers", "--expect", "dunno", "--recipients",
                  f"generated:{policyd.mailboxes}", "--requests", str(policyd.mailboxes),
                  "--warm-up", "0", "--connections", "50")
