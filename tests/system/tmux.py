"""A terminal of a person's: tmux with a shell in it, typed at and looked at."""

import os
import pwd
import re
import shutil
import tempfile

from cluster import wait_until


class Tmux:
    def __init__(self, cluster, user, columns=120, rows=24):
        self.cluster, self.user = cluster, user
        home = pwd.getpwnam(user)
        self.dir = tempfile.mkdtemp(prefix="tmux-", dir="/var/tmp")
        os.chown(self.dir, home.pw_uid, home.pw_gid)
        size = ("-x", str(columns), "-y", str(rows))
        self.command("new-session", "-d", *size, "env PS1='ready> ' /bin/sh")
        self.see("^ready>")

    def close(self):
        self.cluster.run(self.user, "tmux", "-S", self.socket(), "kill-server")
        shutil.rmtree(self.dir, True)

    def socket(self):
        return os.path.join(self.dir, "socket")

    def command(self, *argv):
        env = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        return self.cluster.run(
            self.user, "tmux", "-f", "/dev/null", "-S", self.socket(), *argv, env=env
        ).ok()

    def keys(self, *keys):
        self.command("send-keys", *keys)

    def screen(self, *options):
        return self.command("capture-pane", "-p", *options).out

    def cursor(self):
        format = "#{cursor_x},#{cursor_y} #{cursor_flag} #{alternate_on} #{mouse_any_flag}"
        return self.command("display-message", "-p", format).out.strip()

    def resize(self, columns, rows):
        self.command("resize-window", "-x", str(columns), "-y", str(rows))

    def see(self, pattern):
        seen = []

        def look():
            seen[:] = [self.screen()]
            return re.search(pattern, seen[0], re.M)

        try:
            return wait_until(f"{pattern!r} on the screen", look, 30)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{seen[0]}") from None
