"""sacctmgr's changing forms in a whole cluster: accounts, users, limits and QOS that nobody wrote
into gd.conf, in force at once, after kill -9, and changed by whom they concern."""

import json
import os
import unittest

from client_case import slurm_names
from cluster import USERS, Cluster, wait_until

ALICE, BOB = USERS


class Accounts(unittest.TestCase):
    def setUp(self):
        self.c = Cluster(nodes=1).__enter__()
        self.addCleanup(self.c.__exit__, None, None, None)

    def slurm(self, *argv, user="root", **more):
        env = {"PATH": slurm_names() + ":/usr/bin:/bin"}
        return self.c.run(user, *argv, env=env, **more)

    def mgr(self, *words, user="root"):
        return self.slurm("sacctmgr", "-i", *words, user=user)

    def assocs(self):
        out = self.slurm(
            "sacctmgr", "-nP", "show", "assoc", "format=account,user,share,maxjobs,qos"
        )
        return out.ok().out.split()

    def refusal(self, user, *options):
        done = self.c.run(user, "gdsub", *options, "--wrap", "true")
        self.assertEqual(done.status, 1, done.out)
        return done.err.removeprefix("gdsub: ").strip()

    def lab(self):
        self.mgr("add", "account", "lab", "Description=the lab").ok()
        self.mgr("add", "user", ALICE, "account=lab", "fairshare=3").ok()

    def test_what_is_added_holds_at_once_and_after_a_crash(self):
        out = self.mgr("add", "account", "lab").ok().out
        self.assertTrue(out.startswith(" Adding Account(s)\n  lab\n Settings\n"), out)
        self.assertEqual(self.refusal(ALICE), f"user {ALICE} has no account on this cluster")
        self.mgr("add", "user", f"{ALICE},{BOB}", "account=lab", "maxjobs=1").ok()
        self.mgr("add", "qos", "short", "maxwall=1:00", "flags=DenyOnLimit").ok()
        self.mgr("modify", "account", "lab", "set", "qos+=short").ok()
        self.mgr("modify", "user", ALICE, "set", "fairshare=5").ok()
        expected = [
            "lab||1||normal,short",
            f"lab|{ALICE}|5|1|normal,short",
            f"lab|{BOB}|1|1|normal,short",
        ]
        self.assertEqual(self.assocs(), expected)
        again = self.mgr("add", "account", "lab")
        self.assertEqual((again.status, again.out), (1, " Nothing new added.\n"))

        self.c.controller.kill()
        self.c.controller.start()
        wait_until("the controller is back", lambda: self.c.run(ALICE, "gdctl", "ping").status == 0)
        self.assertEqual(self.assocs(), expected)
        first = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", "sleep 600")
        second = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", "sleep 600")
        self.c.wait_state(first, "RUNNING")
        reason = lambda: self.slurm("squeue", "-h", "-j", str(second), "-o", "%r|%a").out.strip()
        wait_until("the second waits", lambda: reason() == "AssocMaxJobsLimit|lab")
        self.assertIn("qos short: a time limit may be", self.refusal(BOB, "-q", "short", "-t", "5"))
        self.mgr("modify", "user", ALICE, "account=lab", "set", "maxjobs=-1").ok()
        self.c.wait_state(second, "RUNNING")

        stuck = self.mgr("delete", "user", ALICE)
        self.assertEqual(stuck.status, 1)
        self.assertIn(" Error with request: Job(s) active, cancel job(s) before remove", stuck.err)
        self.assertIn(f"  JobID = {first}", stuck.err)
        self.c.cancel_everything()
        self.mgr("delete", "user", ALICE).ok()
        self.assertEqual(self.refusal(ALICE), f"user {ALICE} has no account on this cluster")

    def test_an_account_has_images_of_its_own(self):
        self.lab()
        self.mgr("modify", "account", "lab", "set", "allowimages=reg.lab/a:1,reg.lab/a:2").ok()
        self.mgr("modify", "account", "lab", "set", "allowimages+=host").ok()
        self.assertEqual(
            self.refusal(ALICE, "--image", "debian"),
            "image docker.io/library/debian:latest is not open to user "
            f"{ALICE} of account lab; open are reg.lab/a:1, reg.lab/a:2, host",
        )
        job = self.c.submit(ALICE, "-o", "/dev/null", "--wrap", "true")
        self.assertEqual(self.c.wait_end(job)["state"], "COMPLETED")
        self.mgr("modify", "account", "lab", "set", "allowimages-=host").ok()
        self.mgr("modify", "account", "lab", "set", "defaultimage=reg.lab/b").ok()
        self.assertIn("image reg.lab/b:latest is not open", self.refusal(ALICE))
        shown = self.slurm(
            "sacctmgr", "-nP", "show", "assoc", "format=user,allowimages,defaultimage"
        )
        self.assertIn(f"{ALICE}|reg.lab/a:1,reg.lab/a:2|reg.lab/b", shown.ok().out.split())

    def test_slurm_asks_before_it_changes(self):
        no = self.slurm("sacctmgr", "add", "account", "lab", input="n\n")
        self.assertEqual(no.status, 0)
        self.assertTrue(
            no.out.endswith(
                "Would you like to commit changes? (You have 30 seconds to decide)\n(N/y): \n"
                " Changes Discarded\n"
            ),
            no.out,
        )
        self.assertEqual(self.assocs(), [])
        self.slurm("sacctmgr", "add", "account", "lab", input="y\n").ok()
        self.assertEqual(self.assocs(), ["lab||1||normal"])

    def test_coordinators_change_what_is_theirs(self):
        self.lab()
        self.mgr("add", "coordinator", "account=lab", f"names={ALICE}").ok()
        self.mgr("add", "user", BOB, "account=lab", user=ALICE).ok()
        self.mgr("add", "account", "sub", "parent=lab", "grpjobs=3", user=ALICE).ok()
        for words in (
            ["modify", "account", "lab", "set", "grpjobs=3"],
            ["add", "account", "other"],
            ["add", "qos", "mine"],
            ["modify", "user", BOB, "account=lab", "set", "qos=normal"],
        ):
            done = self.mgr(*words, user=ALICE)
            self.assertEqual(done.status, 1, words)
            self.assertIn(f"user {ALICE} is no administrator", done.err)
        self.assertEqual(self.mgr("add", "user", "games", "account=lab", user=BOB).status, 1)
        shown = self.slurm(
            "sacctmgr", "-nP", "show", "account", "withcoord", "format=account,coordinators"
        )
        self.assertEqual(shown.ok().out.split(), [f"lab|{ALICE}", f"sub|{ALICE}"])

    def test_a_dump_loads_and_moves_accounts_out_of_gd_conf(self):
        self.lab()
        self.mgr("add", "qos", "short", "priority=7").ok()
        self.mgr("modify", "user", ALICE, "set", "maxsubmit=9").ok()
        cluster = (
            self.slurm("sacctmgr", "-nP", "show", "cluster", "format=cluster").ok().out.strip()
        )
        path = os.path.join(self.c.dir, "dump.cfg")
        self.slurm("sacctmgr", "dump", cluster, f"file={path}").ok()
        before = self.assocs()
        self.mgr("delete", "user", ALICE).ok()
        self.mgr("delete", "account", "lab").ok()
        self.assertEqual(self.assocs(), [])
        out = self.mgr("load", path, "clean").ok().out
        self.assertIn(
            f"For cluster {cluster}\n Adding QOS(s)\n  short\n Adding Account(s)\n  lab\n", out
        )
        self.assertEqual(self.assocs(), before)
        out = self.slurm("sacctmgr", "-nP", "show", "qos", "format=name,priority").ok().out
        self.assertEqual(out.split(), ["normal|0", "short|7"])


class Reports(unittest.TestCase):
    def test_what_was_used_is_reported_by_account_and_size(self):
        with Cluster(nodes=1) as c:
            env = {"PATH": slurm_names() + ":/usr/bin:/bin"}
            job = c.submit(ALICE, "-A", "lab", "-o", "/dev/null", "--wrap", "sleep 2")
            c.wait_state(job, "COMPLETED")
            period = ["start=now-1hour", "end=now"]
            report = (
                lambda *words: c.run(ALICE, "sreport", "-nP", *words, *period, env=env).ok().out
            )
            rows = [
                line.split("|")
                for line in report(
                    "-t",
                    "seconds",
                    "cluster",
                    "AccountUtilizationByUser",
                    "format=account,login,used",
                ).splitlines()
            ]
            self.assertEqual([r[:2] for r in rows], [["root", ""], ["lab", ""], ["lab", ALICE]])
            self.assertTrue(all(2 <= int(r[2]) <= 20 for r in rows), rows)
            self.assertIn(f"|{ALICE}|", report("user", "top"))
            sizes = report("job", "sizes", "printjobcount", "grouping=2").split("|")
            self.assertEqual(sizes[1:], ["root", "1", "0", "100.00%\n"])
            used, idle, whole = (
                int(v)
                for v in report(
                    "-t", "seconds", "cluster", "utilization", "format=allocated,idle,reported"
                ).split("|")
            )
            self.assertEqual(used + idle, whole)
            text = c.run(ALICE, "sacct", "-j", str(job), "--json", env=env).ok().out
            found = json.loads(text)["jobs"][0]
            self.assertEqual(found["state"]["current"], "COMPLETED")
            self.assertEqual(found["exit_code"], {"status": "SUCCESS", "return_code": 0})
            self.assertEqual(found["association"]["user"], ALICE)
            self.assertEqual(found["steps"][0]["step"]["id"], "batch")
            self.assertEqual(found["tres"]["allocated"][0]["type"], "cpu")


class InGdConf(unittest.TestCase):
    def test_the_file_is_the_one_place_while_it_has_accounts(self):
        with Cluster(nodes=1, partitions="[account art]\nusers = *\n") as c:
            env = {"PATH": slurm_names() + ":/usr/bin:/bin"}
            done = c.run("root", "sacctmgr", "-i", "add", "account", "lab", env=env)
            self.assertEqual(done.status, 1)
            self.assertIn("[account art]; change them there, or move them", done.err)


if __name__ == "__main__":
    unittest.main()
