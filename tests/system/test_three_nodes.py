"""Three agents in three network namespaces and one controller: 300 jobs of two users."""

import collections
import os
import pwd
import unittest

from cluster import Cluster, USERS, wait_until


class ThreeNodes(unittest.TestCase):
    def test_300_jobs_of_two_users_run_on_all_nodes_and_files_belong_to_their_users(self):
        with Cluster(nodes=3, net=True) as c:
            submitted = []
            for user in USERS:
                folder = os.path.join(pwd.getpwnam(user).pw_dir, "three")
                c.run(user, "mkdir", "-p", folder).ok()
                for _ in range(150):
                    submitted.append(
                        (
                            user,
                            folder,
                            c.submit(
                                user,
                                "-D",
                                folder,
                                "-o",
                                "job-%j.out",
                                "--mem=64M",
                                "--wrap",
                                "echo $(id -un) $SLURMD_NODENAME; sleep 0.05",
                            ),
                        )
                    )
            for user, folder, job in submitted:
                self.assertEqual(c.wait_end(job, 240)["state"], "COMPLETED", c.job(job))
            nodes = collections.Counter()
            for user, folder, job in submitted:
                path = os.path.join(folder, f"job-{job}.out")
                self.assertEqual(os.stat(path).st_uid, pwd.getpwnam(user).pw_uid)
                name, node = c.read(path).split()
                self.assertEqual(name, user)
                nodes[node] += 1
            self.assertEqual(set(nodes), {"n1", "n2", "n3"}, nodes)
            for user in USERS:
                c.run(user, "rm", "-r", os.path.join(pwd.getpwnam(user).pw_dir, "three")).ok()


if __name__ == "__main__":
    unittest.main()
