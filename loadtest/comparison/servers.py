"""The servers that are compared: how each is started, and where it listens."""

import os
import shutil

from comparison.processes import free_port


class Server:
    """One server under test. `pids` are all processes that take part in an answer, by their
    ancestors: policyd-load adds the descendants."""

    def __init__(self, name, scratch, supervisor, back_ends, options):
        self.name = name
        self.scratch = scratch
        self.supervisor = supervisor
        self.back_ends = back_ends
        self.options = options
        self.unix = f"unix:{scratch.file(name + '.sock')}"
        self.tcp = f"inet:127.0.0.1:{free_port()}"
        self.log = scratch.file(name + ".log")
        self.process = None

    def start(self):
        self.process = self.supervisor.start(self.command(), self.log, self.tcp,
                                             self.environment())

    def restart(self):
        self.supervisor.stop(self.process)
        self.start()

    @property
    def pids(self):
        return [self.process.pid]

    def program(self, name):
        return os.path.join(self.options.bin, name)

    def environment(self):
        return {}


class Responder(Server):
    """Answers DUNNO to whatever ends in an empty line."""

    @staticmethod
    def missing(_):
        return ""

    def command(self):
        return [self.program("policyd-responder"), "--listen", self.unix, self.tcp]


class RedisResponder(Responder):
    """The same, after one GET."""

    @property
    def pids(self):
        return [self.process.pid, self.back_ends.redis.pid]

    def command(self):
        return super().command() + ["--redis", f"unix:{self.back_ends.redis_socket}"]


class Policyd(Server):
    """policyd with the tables as they are shipped, metrics on, and logging as shipped."""

    settings = ""

    @staticmethod
    def missing(_):
        return ""

    @property
    def pids(self):
        return [self.process.pid, *self.back_ends.pids]

    def command(self):
        return [self.program("policyd"), "--config", self._write_config()]

    def _write_config(self):
        # A file of its own: the server before may still be reading its tables.
        clients = self.scratch.write(self.name + ".cidr",
                                     "127.0.0.1 OK\n198.18.0.0/15 OK\n2001:db8::/32 OK\n")
        table = self.back_ends.table
        size = 2 * self.options.mailboxes
        return self.scratch.write(self.name + ".toml", f"""\
listen = ["{self.unix}", "{self.tcp}"]
metrics_listen = "inet:127.0.0.1:{free_port()}"
log_destination = "file:{self.log}"
client_access_maps = ["cidr:{clients}"]
client_access_default = "554 5.7.1 Client host is not on the list"
virtual_alias_maps = ["{table('forwardings')}", "{table('email2email')}"]
virtual_mailbox_domains = ["{table('domains')}"]
virtual_mailbox_maps = ["{table('mailboxes')}"]
virtual_mailbox_limit_maps = ["{table('mailboxes_quota')}"]
transport_maps = ["{table('transport')}"]
usage_store = "redis:unix:{self.back_ends.redis_socket}"
recipient_cache_time = "1h"
request_time_limit = "60s"
mysql_time_limit = "60s"
redis_time_limit = "60s"
cache_size = {size}
""" + self.settings)


class PolicydFromMemory(Policyd):
    """Recipients remembered, usage from copies."""

    settings = 'quota_reservations = false\nusage_cache_time = "1h"\n'


class PolicydOnTwoLoops(PolicydFromMemory):
    """The same with a thread for each of two processors. Each remembers by itself."""

    settings = PolicydFromMemory.settings + "workers = 2\n"


class PolicydAskingRedis(Policyd):
    """Recipients remembered, usage read for every request."""

    settings = "quota_reservations = false\nusage_cache_time = 0\n"


class PolicydReserving(Policyd):
    """Recipients remembered, room reserved for every message: the default."""


class Dovecot(Server):
    """Dovecot's quota-status, users in MySQL, usage in Redis."""

    @staticmethod
    def missing(_):
        if not shutil.which("dovecot") or not os.path.exists("/usr/lib/dovecot/quota-status"):
            return "Dovecot is not installed"
        if not os.path.exists("/usr/lib/dovecot/modules/auth/libdriver_mysql.so"):
            return "dovecot-mysql is not installed"
        return ""

    @property
    def pids(self):
        return [self.process.pid, *self.back_ends.pids]

    def command(self):
        return ["dovecot", "-F", "-c", self._write_config()]

    def _write_config(self):
        user = "root" if os.geteuid() == 0 else str(os.geteuid())
        run = self.scratch.file("dovecot")
        os.makedirs(run, exist_ok=True)
        mail = self.scratch.file("mail")
        os.makedirs(mail, exist_ok=True)
        os.chmod(mail, 0o777)
        sql = self.scratch.write("dovecot-sql.conf", f"""\
driver = mysql
connect = host={self.back_ends.mariadb_socket} dbname=mail user=postfix password=toto
user_query = SELECT 65534 AS uid, 65534 AS gid, '{mail}' AS home, \
CONCAT('*:bytes=', quota) AS quota_rule FROM users WHERE email = '%u'
""")
        return self.scratch.write("dovecot.conf", f"""\
base_dir = {run}
state_dir = {run}
log_path = {self.log}
protocols =
ssl = no
default_internal_user = {user}
default_internal_group = {user}
default_login_user = {user}
first_valid_uid = 1
auth_cache_size = 0
mail_location = maildir:{mail}/%d/%n:INDEX=MEMORY
mail_plugins = quota
plugin {{
  quota = dict:User quota::redis:path={self.back_ends.redis_socket}:prefix=dovecot/
  quota_grace = 0
  quota_status_success = DUNNO
  quota_status_nouser = 550 5.1.1 User unknown
  quota_status_overquota = 552 5.2.2 Mailbox is full
}}
passdb {{
  driver = static
  args = password=unused
}}
userdb {{
  driver = sql
  args = {sql}
}}
service quota-status {{
  executable = quota-status -p postfix
  inet_listener {{
    address = 127.0.0.1
    port = {self.tcp.rsplit(":", 1)[1]}
  }}
  client_limit = 5000
}}
service anvil {{
  chroot =
}}
""")


class Postfwd(Server):
    """postfwd with three access rules; its lists of recipients are searched line by line."""

    @staticmethod
    def _program(options):
        return options.postfwd or shutil.which("postfwd1")

    @staticmethod
    def missing(options):
        return "" if Postfwd._program(options) else "postfwd is not installed"

    def start(self):
        pid_file = self.scratch.file("postfwd.pid")
        self.process = self.supervisor.start_daemon(
            [*self.command(), "--daemon", "--pidfile", pid_file], self.log, self.tcp, pid_file)

    def command(self):
        rules = self.scratch.write("postfwd.cf", """\
id=CLIENTS; client_address==198.18.0.0/15, 2001:db8::/32; action=DUNNO
id=SIZE; size>=1000000000; action=552 5.3.4 Message is too big
id=OTHERS; action=554 5.7.1 Client host is not on the list
""")
        port = self.tcp.rsplit(":", 1)[1]
        user = "root" if os.geteuid() == 0 else str(os.geteuid())
        return [Postfwd._program(self.options), "--file", rules, "--interface", "127.0.0.1",
                "--port", port, "--user", user, "--group", user, "--nodns", "--cache", "0",
                "--norulelog"]
