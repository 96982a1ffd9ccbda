"""A Dovecot without any protocol, as a judge of quotas."""

import os

from scanning.stores import mail_owner

CONFIGURATION = """base_dir = {scratch}/dovecot
state_dir = {scratch}/dovecot
log_path = {scratch}/dovecot.log
protocols =
ssl = no
default_internal_user = root
default_internal_group = root
default_login_user = root
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {uid}
mail_gid = {gid}
mail_location = maildir:{root}/%d/%n:CONTROL={scratch}/control/%d/%n:INDEX=MEMORY
mail_plugins = quota
namespace inbox {{
  inbox = yes
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=1T
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {scratch}/users
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {scratch}/users
}}
service anvil {{
  chroot =
}}
"""


class Dovecot:
    def __init__(self, site, root):
        scratch = site.scratch
        self._control = scratch.file("control")
        uid, gid = mail_owner()
        for directory in (scratch.file("dovecot"), self._control):
            os.mkdir(directory)
        os.chown(self._control, uid, gid)
        scratch.write("users", "".join(f"{mailbox}:{{plain}}x::::/nonexistent::\n"
                                       for mailbox in site.truth("named")))
        path = scratch.write("dovecot.conf", CONFIGURATION.format(
            scratch=scratch.path, uid=uid, gid=gid, root=root))
        site.supervisor.start(["dovecot", "-F", "-c", path], scratch.file("dovecot.out"),
                              f"unix:{scratch.file('dovecot')}/auth-userdb")
        self.doveadm = ["doveadm", "-c", path]

    def differing(self, truth):
        """How many mailboxes it wrote down other figures for."""
        count = 0
        for mailbox, figures in truth.items():
            user, domain = mailbox.split("@")
            path = os.path.join(self._control, domain, user, "maildirsize")
            try:
                with open(path, encoding="ascii") as file:
                    file.readline()  # the limits
                    count += tuple(map(int, file.readline().split())) != figures
            except (OSError, ValueError):
                count += 1
        return count
