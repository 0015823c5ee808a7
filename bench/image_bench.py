#!/usr/bin/env python3
"""What a cached image adds to a start: gdrun in it and in the host's system, in turn.

    GD_BUILD=build bench/image_bench.py [ROUNDS]

As root. An image of three layers comes from a registry on this machine, once; then each round
runs one static program in either. Prints the medians and their difference, in milliseconds.
"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tests/system"))

import test_images  # noqa: E402: the registry, the image and the cluster are the test's
from cluster import USERS  # noqa: E402

COMMAND = ["/bin/busybox", "true"]


def measure(suite, rounds):
    images = {"host": "host", "image": f"{suite.registry.host}/lab/tools:1"}
    times = {name: [] for name in images}
    for measured in range(-2, rounds):  # the first two fetch and warm up
        for name, image in images.items():
            start = time.monotonic()
            suite.c.run(USERS[0], "gdrun", "-w", "n1", "--image", image, *COMMAND).ok()
            if measured >= 0:
                times[name].append((time.monotonic() - start) * 1000)
    return {name: statistics.median(each) for name, each in times.items()}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    suite = test_images.Images
    suite.setUpClass()
    try:
        medians = measure(suite, rounds)
    finally:
        suite.doClassCleanups()
    for name, median in medians.items():
        print(f"gdrun, {name}: {median:.1f} ms")
    print(f"the image adds {medians['image'] - medians['host']:+.1f} ms")


if __name__ == "__main__":
    main()
