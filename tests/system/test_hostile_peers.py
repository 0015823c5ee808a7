"""Peers that lie: strangers, users who play node, forged fields, replayed octets,
tickets of others, and plain noise on every port. Nothing of it may have an effect,
and every daemon must go on serving.

The messages are made by hand (proto/messages.h: [version, type, {field: value}]).
"""

import os
import pwd
import random
import socket
import struct
import threading
import unittest

import msgpack
import zmq

from cluster import Cluster, USERS, find, wait_until

ALICE, BOB = USERS
SUBMIT, JOB_QUERY, CANCEL, KEY_LIST, TOKEN, ENROL, HELLO, REPORT, ORDERS, OPEN, DATA, LAUNCH = (
    10,
    12,
    14,
    40,
    43,
    54,
    60,
    62,
    63,
    80,
    82,
    90,
)
SHUTDOWN, RECONFIGURE, NODE_UPDATE, ERROR = 38, 37, 32, 0
DENIED, UNAUTHENTICATED = 4, 9


class Peer:
    """A CURVE connection with any key, speaking whatever it likes."""

    def __init__(self, address, server_key, keys=None):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.public, self.secret = keys or zmq.curve_keypair()
        self.socket.curve_serverkey = (
            server_key.encode() if isinstance(server_key, str) else server_key
        )
        self.socket.curve_publickey, self.socket.curve_secretkey = self.public, self.secret
        self.socket.linger = 0
        self.socket.connect("tcp://" + address)

    def send(self, kind, fields, version=1):
        self.raw(msgpack.packb([version, kind, fields]))

    def raw(self, *frames, tag=b"\0" * 8):
        self.socket.send_multipart([tag, *frames])

    def answer(self, timeout=3.0):
        """(type, fields), or None when nothing came."""
        if not self.socket.poll(int(timeout * 1000)):
            return None
        _, kind, fields = msgpack.unpackb(self.socket.recv_multipart()[1])
        return kind, fields

    def ask(self, kind, fields):
        self.send(kind, fields)
        return self.answer()

    def close(self):
        self.context.destroy(linger=0)


class HostilePeers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = Cluster().__enter__()
        cls.addClassCleanup(cls.c.__exit__, None, None, None)
        cls.address = f"127.0.0.1:{cls.c.port}"
        with open(cls.c.path("controller.pub")) as f:
            cls.server_key = f.read().split()[0]
        cls.c.run(ALICE, "gdstat").ok()
        cls.c.run(BOB, "gdstat").ok()

    def tearDown(self):
        self.assertTrue(self.c.controller.running(), "gdctld has died")
        self.assertTrue(self.c.nodes["n1"].running(), "gdnoded has died")
        self.c.admin("gdctl", "ping").ok()

    def peer(self, user=None):
        keys = None
        if user:
            path = os.path.join(pwd.getpwnam(user).pw_dir, ".config/gd", f"t{self.c.tag}.key")
            with open(path) as f:
                keys = [word.encode() for word in f.read().split()[:2]]
        peer = Peer(self.address, self.server_key, keys)
        self.addCleanup(peer.close)
        return peer

    def refused(self, answer, *codes):
        if answer is None:
            return
        kind, fields = answer
        self.assertEqual(kind, ERROR, answer)
        self.assertIn(fields.get("code", 0), codes, answer)

    def test_a_stranger_is_served_nothing(self):
        for kind, fields in [
            (SUBMIT, {"spec": {"name": "x"}, "script": "#!/bin/sh\n"}),
            (JOB_QUERY, {}),
            (CANCEL, {"filter": {"users": [ALICE]}}),
            (KEY_LIST, {}),
            (TOKEN, {}),
            (SHUTDOWN, {}),
            (HELLO, {"info": {"name": "n1"}}),
            (REPORT, {"session": 1, "number": 1}),
            (ENROL, {"uid": 0, "user": "root", "key": "x" * 40}),
        ]:
            self.refused(self.peer().ask(kind, fields), UNAUTHENTICATED, DENIED)

    def test_a_user_plays_neither_node_nor_administrator(self):
        for kind, fields in [
            (HELLO, {"info": {"name": "n1", "boot": "b"}}),
            (REPORT, {"session": 1, "number": 99}),
            (ENROL, {"uid": 0, "user": "root", "key": "x" * 40}),
            (TOKEN, {}),
            (SHUTDOWN, {}),
            (RECONFIGURE, {}),
            (NODE_UPDATE, {"names": ["n1"], "action": 2, "reason": "x"}),
            (ORDERS, {}),
            (LAUNCH, {"uid": 0}),
        ]:
            self.refused(self.peer(ALICE).ask(kind, fields), DENIED, 2, 4)
        self.assertRegex(self.c.node_state("n1"), "idle|mixed|allocated")

    def test_a_uid_in_a_message_is_nobodys_uid(self):
        out = os.path.join(pwd.getpwnam(ALICE).pw_dir, "forged.out")
        kind, fields = self.peer(ALICE).ask(
            SUBMIT,
            {
                "uid": 0,
                "gid": 0,
                "user": "root",
                "actor": {"uid": 0},
                "script": "#!/bin/sh\nid -u\n",
                "spec": {"name": "forged", "uid": 0, "user": "root", "chdir": "/", "out": out},
                "req": {"hi": 1, "lo": random.getrandbits(60)},
            },
        )
        self.assertNotEqual(kind, ERROR, fields)
        self.assertEqual(self.c.wait_end(fields["job"])["state"], "COMPLETED")
        self.assertEqual(int(self.c.read(out)), pwd.getpwnam(ALICE).pw_uid)

    def test_the_same_request_again_is_the_same_job(self):
        request = {"hi": 2, "lo": random.getrandbits(60)}
        fields = {
            "req": request,
            "script": "#!/bin/sh\n",
            "spec": {"name": "once", "hold": True, "out": "/dev/null"},
        }
        first, second = self.peer(ALICE).ask(SUBMIT, fields), self.peer(ALICE).ask(SUBMIT, fields)
        self.assertEqual(first[1]["job"], second[1]["job"])
        self.refused(self.peer(BOB).ask(SUBMIT, fields), DENIED, 5, 8, 2)  # another's request id
        self.c.run(ALICE, "gdkill", str(first[1]["job"])).ok()

    def test_replayed_octets_do_nothing(self):
        recorded, over = bytearray(), threading.Event()
        listener = socket.create_server(("127.0.0.1", 0))

        def relay():
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", self.c.port))

            def pump(source, target, keep):
                while True:
                    try:
                        data = source.recv(65536)
                    except OSError:
                        data = b""
                    if not data:
                        return
                    if keep:
                        recorded.extend(data)
                    try:
                        target.sendall(data)
                    except OSError:
                        return

            threading.Thread(target=pump, args=(server, client, False), daemon=True).start()
            pump(client, server, True)
            over.set()

        threading.Thread(target=relay, daemon=True).start()
        through = self.peer(ALICE)
        path = os.path.join(pwd.getpwnam(ALICE).pw_dir, ".config/gd", f"t{self.c.tag}.key")
        with open(path) as f:
            keys = [word.encode() for word in f.read().split()[:2]]
        through = Peer(f"127.0.0.1:{listener.getsockname()[1]}", self.server_key, keys)
        answer = through.ask(
            SUBMIT, {"script": "#!/bin/sh\n", "spec": {"name": "taped", "hold": True}}
        )
        self.assertNotEqual(answer[0], ERROR, answer)
        through.close()
        over.wait(10)
        before = len(self.c.jobs())
        with socket.create_connection(("127.0.0.1", self.c.port)) as again:
            again.sendall(recorded)
            again.settimeout(2)
            try:
                while again.recv(65536):
                    pass
            except OSError:
                pass
        self.assertEqual(len(self.c.jobs()), before)
        self.c.run(ALICE, "gdkill", str(answer[1]["job"])).ok()

    def stream_port(self):
        with open(self.c.path("n1.conf")) as f:
            return [line.split("=")[1].strip() for line in f if line.startswith("listen")][0]

    def node_stream_key(self):
        with open(self.c.path("n1-spool", "node.key")) as f:
            return f.read().split()[0]  # public, then secret

    def test_a_node_takes_no_orders_and_no_forged_ticket_at_its_stream_port(self):
        job = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", "sleep 300")
        self.c.wait_state(job, "RUNNING")
        peer = Peer(self.stream_port(), self.node_stream_key())
        self.addCleanup(peer.close)
        for kind, fields in [
            (
                ORDERS,
                {"session": 1, "number": 10**9, "ends": [{"step": {"job": job}, "now": True}]},
            ),
            (
                LAUNCH,
                {"job": 9999, "uid": 0, "user": "root", "script": "#!/bin/sh\ntouch /tmp/owned\n"},
            ),
            (OPEN, {"ticket": os.urandom(200)}),
            (OPEN, {"ticket": ""}),
            (DATA, {"bytes": "ls\n"}),
        ]:
            peer.send(kind, fields)
            answer = peer.answer(1.0)
            self.assertTrue(answer is None or answer[0] == ERROR, answer)
        self.assertEqual(self.c.state(job), "RUNNING")
        self.c.run(ALICE, "gdkill", str(job)).ok()
        self.c.wait_end(job)

    def test_a_controller_with_another_key_is_not_obeyed(self):
        """The node's connection is to a key, not to an address: a client that is given
        another key for the same address gets no answer at all."""
        stranger = Peer(self.address, zmq.curve_keypair()[0])
        self.addCleanup(stranger.close)
        stranger.send(JOB_QUERY, {})
        self.assertIsNone(stranger.answer(1.0))

    def test_noise_on_every_port(self):
        chance = random.Random(11)
        host, port = self.stream_port().split(":")
        for address in (("127.0.0.1", self.c.port), (host, int(port))):
            for size in (0, 1, 10, 64, 1000, 100000):
                with socket.create_connection(address) as s:
                    try:
                        s.sendall(chance.randbytes(size))
                    except OSError:
                        pass
        for name in ("gdauthd.sock",):
            path = self.c.path("run", name)
            for noise in (
                b"",
                b"\n",
                b"gd1 short\n",
                b"gd1 " + b"x" * 100000,
                chance.randbytes(5000),
            ):
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(path)
                    try:
                        s.sendall(noise)
                        s.shutdown(socket.SHUT_WR)
                        s.settimeout(2)
                        s.recv(1000)
                    except OSError:
                        pass

    def test_malformed_messages_over_a_good_connection(self):
        peer = self.peer(ALICE)
        deep = b"\x91" * 5000
        wide = b"\xdd\xff\xff\xff\xff"
        for body in (
            b"",
            b"\xc1",
            deep,
            wide,
            msgpack.packb([1, 9999, {}]),
            msgpack.packb([2, SUBMIT, {}]),
            msgpack.packb([1, SUBMIT, []]),
            msgpack.packb({"a": 1}),
            msgpack.packb([1, SUBMIT, {"spec": 7}]),
            msgpack.packb([1, SUBMIT, {"spec": {"nodes": -1}}]),
            os.urandom(500),
        ):
            peer.raw(body)
            answer = peer.answer()
            self.assertIsNotNone(answer, body[:20])
            self.assertEqual(answer[0], ERROR, body[:20])
            self.assertNotIn("\n", answer[1]["text"])
        peer.raw(b"x", b"y", b"z", tag=b"short")
        peer.raw(tag=b"\0" * 8)
        big = {"spec": {"name": "x" * (1 << 20), "out": "/dev/null"}, "script": "#!/bin/sh\n"}
        self.refused(peer.ask(SUBMIT, big), 2, 7)
        self.refused(
            peer.ask(SUBMIT, {"spec": {}, "script": "#!/bin/sh\n" + "x" * (5 << 20)}), 2, 7
        )


if __name__ == "__main__":
    unittest.main()
