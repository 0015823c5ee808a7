#!/usr/bin/env python3
"""Makes what the guest boots from: an unpacked kernel, and an initial root that mounts the disk.

    initrd.py ROOT OUT_PREFIX        writes OUT_PREFIX.kernel and OUT_PREFIX.initrd

An emulated processor is slow, so nothing is compressed and the initial root holds busybox, an
eight-line init and the few modules that lead to the disk, in the order of their dependencies.
Files in the archive follow cpio's "newc" form.
"""

import lzma
import pathlib
import sys

WANTED = ["virtio_pci", "virtio_blk", "virtio_rng", "ext4", "crc32c_generic", "9p", "9pnet_virtio"]
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys /new
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "$module"; done </order
until [ -b /dev/vda ]; do /bin/busybox usleep 20000; done
/bin/busybox mount -t ext4 /dev/vda /new
/bin/busybox mount -o move /dev /new/dev
exec /bin/busybox switch_root /new /sbin/init
"""


def modules_in_order(folder):
    """Paths of the wanted modules and what they need, needs first."""
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {pathlib.Path(p).name.split(".")[0].replace("-", "_"): p for p in needs}
    order = []

    def visit(path):
        for need in needs[path]:
            visit(need)
        if path not in order:
            order.append(path)

    for name in WANTED:
        if name in by_name:  # what is built in has no file
            visit(by_name[name])
    return order


def entry(name, mode, data=b""):
    """One file of a newc archive; names and contents are padded to four bytes."""
    encoded = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def unpacked_kernel(image):
    start = image.find(b"\xfd7zXZ\x00")
    if start < 0:
        return image
    return lzma.LZMADecompressor().decompress(image[start:])


def main(root, prefix):
    root = pathlib.Path(root)
    folder = next((root / "lib/modules").iterdir())
    order = modules_in_order(folder)
    parts = [entry("bin", 0o040755), entry("dev", 0o040755), entry("modules", 0o040755)]
    parts.append(entry("bin/busybox", 0o100755, (root / "bin/busybox").read_bytes()))
    parts.append(entry("init", 0o100755, INIT.encode()))
    names = []
    for path in order:
        data = (folder / path).read_bytes()
        names.append("/modules/" + pathlib.Path(path).name)
        parts.append(entry(names[-1][1:], 0o100644, data))
    parts.append(entry("order", 0o100644, "".join(n + "\n" for n in names).encode()))
    parts.append(entry("TRAILER!!!", 0))
    pathlib.Path(prefix + ".initrd").write_bytes(b"".join(parts))
    kernel = next((root / "boot").glob("vmlinuz-*")).read_bytes()
    pathlib.Path(prefix + ".kernel").write_bytes(unpacked_kernel(kernel))


if __name__ == "__main__":
    main(*sys.argv[1:3])
