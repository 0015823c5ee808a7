"""Who may include whom. The table of ARCHITECTURE.md, read by a test.

An entry is a prefix of an included path. Includes are written from the root of the project, so a
path says which folder it crosses into. Third-party headers have one home each.
"""

import re

LAYERS = {
    "base": ["base/"],
    "proto": ["base/", "proto/"],
    "server/sched": ["base/", "proto/", "server/sched/"],
    "server/core": ["base/", "proto/", "server/sched/", "server/core/"],
    "server/store": ["base/", "proto/", "server/store/"],
    "server/auth": ["base/", "proto/", "server/auth/"],
    "server/container": ["base/", "server/container/"],
    "server/image": ["base/", "server/image/"],
    "server/screen": ["base/", "proto/", "server/container/", "server/screen/"],
    "server/controller": ["base/", "proto/", "server/sched/", "server/core/", "server/store/",
                          "server/auth/", "server/controller/"],
    "server/agent": ["base/", "proto/", "server/container/", "server/image/", "server/agent/"],
    "server/rest": ["base/", "proto/", "server/rest/"],
    "cmd": ["base/", "proto/", "cmd/"],
    "gdsim": ["base/", "proto/", "server/sched/", "cmd/", "gdsim/"],
    "gdtop": ["base/", "proto/", "cmd/", "gdtop/"],
    "pam": ["base/", "pam/"],
    "etc": ["base/", "proto/"],
    "bench": ["base/", "proto/", "server/", "cmd/", "bench/"],
    "tests": ["base/", "proto/", "server/", "cmd/", "gdsim/", "gdtop/", "pam/", "tests/"],
}

# (files, prefixes that they may not include although the folder may, why)
NARROWED = [
    (r"server/(sched|core)/", ["proto/socket", "proto/codec", "proto/msgpack", "base/log",
                               "base/poller", "base/process", "base/config"],
     "the pure part has no wire, clock or log"),
    (r"server/agent/(gdshep|shepherd_main|shep_)", ["proto/socket"], "the shepherd has no threads"),
]

# (third-party header, files that may include it)
HOMES = [
    (r"msgpack", r"proto/codec\w*\.(cc|h)|proto/msgpack\w*\.(cc|h)"),
    (r"zmq", r"proto/socket\w*\.cc"),
    (r"lmdb", r"server/store/lmdb_\w+\.(cc|h)"),
    (r"seccomp\.h|linux/seccomp", r"server/container/seccomp\w*\.cc"),
    (r"sys/capability", r"server/container/capability\w*\.cc"),
    (r"security/", r"server/auth/(pam_login|gdauthd)\w*\.cc|pam/\w+\.cc"),
    (r"sodium",
     r"base/digest\.cc|server/auth/(curve|key|ticket)\w*\.cc|proto/(socket|ticket)\w*\.cc"),
    (r"nlohmann/", r"cmd/\w+\.(cc|h)|server/(container|image)/\w+\.cc|server/rest/\w+\.(cc|h)"),
    (r"zlib\.h", r"gdsim/trace_file\.cc"),
    (r"archive", r"server/image/(unpack|write_tree)\.cc"),
    (r"n?curses", r"gdtop/screen\.cc"),
    (r"vterm", r"server/screen/terminal_model\.cc"),
    (r"g(test|mock)/", r"tests/.*"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"([^"]+)"|<([^>]+)>)', re.M)


def forbidden_by_narrowing(path, name):
    for files, prefixes, why in NARROWED:
        if re.match(files, path) and name.startswith(tuple(prefixes)):
            return why
    return None


def check_layers(source):
    """Yields (line, message) for each include that goes up, or is not written from the root."""
    if not source.is_cpp:
        return
    allowed = LAYERS.get(source.folder, [])
    for match in INCLUDE.finditer(source.text):
        name, line = match.group(1), source.line_of(match.start())
        if name is None:
            continue
        if "/" not in name or name.startswith("."):
            yield line, f'"{name}" is not written from the root of the project'
        elif not name.startswith(tuple(allowed)):
            yield line, f'{source.folder} may not include "{name}"'
        elif why := forbidden_by_narrowing(source.path, name):
            yield line, f'"{name}" may not be included here: {why}'


def check_homes(source):
    """Yields (line, message) for each third-party header outside its home."""
    if not source.is_cpp or source.folder == "tests":
        return
    for match in INCLUDE.finditer(source.text):
        name = match.group(2)
        if name is None:
            continue
        for header, home in HOMES:
            if re.match(header, name) and not re.fullmatch(home, source.path):
                yield source.line_of(match.start()), f"<{name}> has its home in {home}"
