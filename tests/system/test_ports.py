"""gdsh -L: from a person's machine to a service inside of a job's container."""

import os
import pwd
import re
import socket
import tempfile
import threading
import unittest

from cluster import Cluster, USERS, free_port, wait_until
from tmux import Tmux

ALICE, BOB = USERS

# Answers each connection with what it was sent, in capitals.
SHOUT = """#!/usr/bin/python3
import socket, sys, threading
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
def answer(client):
    while data := client.recv(65536):
        client.sendall(data.upper())
    client.close()
while True:
    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
"""

# What a notebook is to a tunnel: pages, and web sockets, over which its kernel speaks unasked.
NOTEBOOK = """#!/usr/bin/python3
import base64, hashlib, http.server, sys, time
class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.headers.get("Upgrade") != "websocket":
            text = (self.path * 50000).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            return self.wfile.write(text)
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        for n in range(3):
            self.say(b"tick %d" % n)
            time.sleep(0.1)
        while True:
            length = self.rfile.read(2)[1] & 127
            mask, masked = self.rfile.read(4), self.rfile.read(length)
            text = bytes(c ^ mask[i % 4] for i, c in enumerate(masked))
            self.say(b"Out: " + text)
            if text == b"exit":
                break
        self.close_connection = True
    def say(self, text):
        self.wfile.write(bytes([0x81, len(text)]) + text)
        self.wfile.flush()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""

BROWSER = """#!/usr/bin/python3
import http.client, os, socket, sys
port = int(sys.argv[1])
page = http.client.HTTPConnection("127.0.0.1", port)
for path in ("/tree", "/static"):
    page.request("GET", path)
    assert page.getresponse().read() == (path * 50000).encode()
web = socket.create_connection(("127.0.0.1", port))
web.sendall(b"GET /kernel HTTP/1.1\\r\\nHost: h\\r\\nUpgrade: websocket\\r\\n"
            b"Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
stream = web.makefile("rb")
head = b"".join(iter(stream.readline, b"\\r\\n"))
assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head
def hear():
    length = stream.read(2)[1]
    return stream.read(length)
def say(text):
    mask = os.urandom(4)
    masked = bytes(c ^ mask[i % 4] for i, c in enumerate(text))
    web.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
said = [hear() for _ in range(3)]
for text in (b"1 + 1", b"exit"):
    say(text)
    said.append(hear())
assert stream.read() == b""
page.request("GET", "/after")
assert len(page.getresponse().read()) == 6 * 50000
print(b" ".join(said).decode())
"""

# Twenty connections at once, each of 900 KB there and back.
MANY = """#!/usr/bin/python3
import socket, sys, threading
def one(n):
    text = (b"line %d\\n" % n) * 100000
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    def write():
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
    writer = threading.Thread(target=write)
    writer.start()
    seen = b""
    while data := client.recv(1 << 20):
        seen += data
    writer.join()
    right.append(seen == text.upper())
right = []
threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print(right.count(True))
"""


class Ports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster().__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        for name, text in [
            ("shout", SHOUT),
            ("notebook", NOTEBOOK),
            ("browser", BROWSER),
            ("many", MANY),
        ]:
            with open(cls.script(name), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(cls.script(name), 0o755)

    @classmethod
    def script(cls, name):
        return os.path.join(cls.c.dir, name)

    def service(self, name, *options):
        """A job in which this serves, and its port there."""
        port = free_port()
        batch = (*options, self.script(name), str(port))
        job = self.c.submit(ALICE, "-o", "/dev/null", *batch)
        self.c.wait_state(job, "RUNNING")
        self.addCleanup(lambda: self.c.run(ALICE, "gdkill", str(job)))
        return str(job), port

    def forward(self, *argv, user=ALICE):
        """gdsh without a terminal that forwards; said() is what it has told."""
        client = self.c.start_command(user, "gdsh", "--no-shell", *argv)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(client.stderr), daemon=True)
        reader.start()

        def end():
            client.terminate()
            client.wait()
            reader.join()
            client.stdout.close()
            client.stderr.close()

        self.addCleanup(end)
        return client, lambda: b"".join(lines).decode()

    def until(self, expected, *argv):
        """What this command says in the end: at first nobody may listen."""
        wait_until(f"{expected!r}", lambda: self.c.run(ALICE, *argv).out == expected)

    def connect(self, port):
        def attempt():
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=20)
            except OSError:
                return None

        return wait_until("the port is open", attempt)

    def test_many_connections_at_once_and_large(self):
        job, port = self.service("shout")
        here = free_port()
        self.forward("-L", f"{here}:localhost:{port}", job)
        self.until("20\n", self.script("many"), str(here))

    def test_a_notebook_with_web_sockets_in_a_job_without_network(self):
        job, port = self.service("notebook", "--network=none")
        here = free_port()
        client, _ = self.forward("-L", f"{here}:localhost:{port}", job)
        self.until("tick 0 tick 1 tick 2 Out: 1 + 1 Out: exit\n", self.script("browser"), str(here))
        client.terminate()
        self.assertEqual(client.wait(), 0)

    def test_another_user_of_this_machine_is_refused(self):
        job, port = self.service("shout")
        here = free_port()
        _, said = self.forward("-L", f"*:{here}:localhost:{port}", job)
        attempt = "exec 3<>/dev/tcp/127.0.0.1/%d && echo hello >&3 && head -n 1 <&3" % here
        self.until("HELLO\n", "/bin/bash", "-c", attempt)
        self.assertEqual(self.c.run(BOB, "/bin/bash", "-c", attempt).out, "")
        wait_until("it is told", lambda: f"another user to port {here} was refused" in said())
        other = self.c.run(BOB, "gdsh", "--no-shell", "-L", f"{free_port()}:localhost:80", job)
        self.assertEqual(other.status, 1)

    def test_what_cannot_be_forwarded_is_told(self):
        job, _ = self.service("shout")
        nobody, here = free_port(), free_port()
        _, said = self.forward("-L", f"{here}:localhost:{nobody}", job)
        attempt = f"exec 3<>/dev/tcp/127.0.0.1/{here} && cat <&3"
        wait_until("it listens", lambda: self.c.run(ALICE, "/bin/bash", "-c", attempt).status == 0)
        wait_until("it is told", lambda: "Connection refused" in said())
        with socket.create_server(("127.0.0.1", 0)) as taken:
            busy = taken.getsockname()[1]
            done = self.c.run(ALICE, "gdsh", "--no-shell", "-L", f"{busy}:localhost:80", job)
        self.assertEqual(done.status, 1)
        self.assertIn(f"listen at 127.0.0.1 port {busy}: Address already in use", done.err)
        for wrong in (
            ["-L", "80:host.example:80", job],
            ["--no-shell", job],
            ["--no-shell", "-L", "8888"],
            ["--list", "-L", "8888"],
            [f"-L{8000 + n}" for n in range(17)],
        ):
            self.assertEqual(self.c.run(ALICE, "gdsh", *wrong).status, 2, wrong)

    def test_it_ends_with_the_job(self):
        job, port = self.service("shout")
        client, said = self.forward("-L", f"0:localhost:{port}", job)
        told = rf"port (\d+) goes to 127.0.0.1 {port}"
        here = wait_until("its port is told", lambda: re.search(told, said()))[1]
        self.until("20\n", self.script("many"), here)
        self.c.run(ALICE, "gdkill", job).ok()
        wait_until("it has ended", lambda: client.poll() is not None)
        wait_until("it is told", lambda: "forwarding has ended" in said())
        self.assertEqual(client.returncode, 1)

    def test_a_port_beside_a_terminal(self):
        here, port = free_port(), free_port()
        terminal = Tmux(self.c, ALICE)
        self.addCleanup(terminal.close)
        with tempfile.NamedTemporaryFile("w", dir=pwd.getpwnam(ALICE).pw_dir) as script:
            script.write(SHOUT)
            script.flush()
            os.chmod(script.name, 0o644)
            shout = f"python3 {script.name} {port}"
            terminal.keys(f"gdsh -L {here}:localhost:{port} {shout}", "Enter")
            terminal.see("runs; ~")
            self.until("20\n", self.script("many"), str(here))
        terminal.keys("C-c")
        terminal.see("(?s)KeyboardInterrupt.*^ready> *$")


if __name__ == "__main__":
    unittest.main()
