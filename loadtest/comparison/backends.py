"""MariaDB and Redis with the mailboxes that all servers are asked about."""

import os
import subprocess

from comparison.processes import free_port, say

QUOTA = 1 << 40
TABLES = ["domains", "forwardings", "email2email", "mailboxes", "mailboxes_quota", "transport"]
CONF = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "conf")


class BackEnds:
    """Both servers, filled. `recipients` is the file of all mailboxes for policyd-load."""

    def __init__(self, scratch, supervisor, options):
        self._scratch = scratch
        self._supervisor = supervisor
        say(f"filling MariaDB and Redis with {options.mailboxes} mailboxes")
        self.addresses = self._generate(options)
        self.recipients = scratch.write("recipients", "\n".join(self.addresses) + "\n")
        self.full = "full@d0.load.example"
        self._start_mariadb()
        self._fill_mariadb()
        self.write_postfix_tables()
        self._start_redis()
        self._fill_redis()

    @property
    def pids(self):
        return [self.mariadb.pid, self.redis.pid]

    def _generate(self, options):
        command = [os.path.join(options.bin, "policyd-load"), "--print-recipients",
                   "--recipients", f"generated:{options.mailboxes}"]
        return subprocess.run(command, check=True, capture_output=True, text=True,
                              timeout=300).stdout.split()

    def _start_mariadb(self):
        data = self._scratch.file("mariadb")
        self.mariadb_socket = self._scratch.file("mariadb.sock")
        user = "root" if os.geteuid() == 0 else str(os.geteuid())
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--user={user}",
                        f"--datadir={data}", "--auth-root-authentication-method=normal",
                        "--skip-test-db", "--skip-name-resolve"],
                       check=True, capture_output=True, timeout=300)
        self.mariadb = self._supervisor.start(
            ["mariadbd", "--no-defaults", f"--user={user}", f"--datadir={data}",
             f"--socket={self.mariadb_socket}", f"--pid-file={self._scratch.file('mariadb.pid')}",
             "--skip-networking", "--skip-log-bin", "--character-set-server=utf8mb4",
             "--innodb-buffer-pool-size=256M", "--innodb-flush-log-at-trx-commit=0",
             "--max-connections=400"],
            self._scratch.file("mariadb.log"), f"unix:{self.mariadb_socket}")

    def _sql(self, statements, database=""):
        command = ["mariadb", "--no-defaults", f"--socket={self.mariadb_socket}", "--user=root"]
        subprocess.run(command + ([database] if database else []), input=statements, check=True,
                       text=True, stdout=subprocess.DEVNULL, timeout=600)

    def _fill_mariadb(self):
        self._sql("CREATE DATABASE mail CHARACTER SET utf8mb4;"
                  "CREATE USER postfix IDENTIFIED BY 'toto';"
                  "GRANT SELECT ON mail.* TO postfix;")
        with open(os.path.join(CONF, "schema-mysql.sql"), encoding="utf-8") as schema:
            self._sql(schema.read(), "mail")
        domains = sorted({address.split("@")[1] for address in self.addresses})
        statements = ["INSERT INTO domains (domain) VALUES " +
                      ",".join(f"('{domain}')" for domain in domains) + ";"]
        for begin in range(0, len(self.addresses), 5000):
            statements.append("INSERT INTO users (email, password, quota) VALUES " + ",".join(
                f"('{address}','',{QUOTA})" for address in self.addresses[begin:begin + 5000])
                + ";")
        # A mailbox that no message fits into.
        statements.append("INSERT INTO users (email, password, quota) "
                          f"VALUES ('{self.full}', '', 100);")
        self._sql("\n".join(statements) + "ANALYZE TABLE users, domains;", "mail")

    def write_postfix_tables(self):
        """The tables as they are shipped, for this server."""
        for table in TABLES:
            name = f"mysql-virtual_{table}.cf"
            with open(os.path.join(CONF, name), encoding="utf-8") as file:
                text = file.read()
            self._scratch.write(name, text.replace("hosts = localhost",
                                                   f"hosts = unix:{self.mariadb_socket}"))

    def table(self, name):
        return f"mysql:{self._scratch.file(f'mysql-virtual_{name}.cf')}"

    def _start_redis(self):
        self.redis_socket = self._scratch.file("redis.sock")
        port = free_port()
        self.redis = self._supervisor.start(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--unixsocket",
             self.redis_socket, "--dir", self._scratch.path, "--unixsocketperm", "777", "--save", "", "--appendonly", "no"],
            self._scratch.file("redis.log"), f"unix:{self.redis_socket}")

    def _fill_redis(self):
        """Usage as Dovecot's dict quota keeps it; policyd's own is written by policyd."""
        commands = []
        for address in [*self.addresses, self.full]:
            for name, value in (("storage", "1000000"), ("messages", "10")):
                key = f"dovecot/{address}/quota/{name}"
                commands.append(f"*3\r\n$3\r\nSET\r\n${len(key)}\r\n{key}\r\n"
                                f"${len(value)}\r\n{value}\r\n")
        subprocess.run(["redis-cli", "-s", self.redis_socket, "--pipe"], check=True, text=True,
                       input="".join(commands), capture_output=True, timeout=300)
