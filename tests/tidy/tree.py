"""Rules about the tree as a whole: what is registered, what resolves, what runs.

Each takes {path: Source} and yields (path, line, message). TREE_RULES names them.
"""

import os
import pathlib
import re
import shutil
import subprocess

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
LIMIT = re.compile(r"\bconstexpr\b[^;=\n]*\b(kMax\w+)\s*(?:=|\{)")


def meson_text_for(path, sources):
    """What the meson.build files of the folder and those above it say."""
    folder, texts = path, []
    while "/" in folder:
        folder = folder.rsplit("/", 1)[0]
        if build := sources.get(folder + "/meson.build"):
            texts.append(build.text)
    texts.append(sources["meson.build"].text if "meson.build" in sources else "")
    return "\n".join(texts)


def check_registered(sources):
    """Each source is compiled and each test runs: a meson.build above it has its name."""
    for path in sources:
        name = path.rsplit("/", 1)[-1]
        is_test_script = re.match(r"tests/.*_test\.(sh|py)$", path)
        if not (path.endswith(".cc") or is_test_script or path == "tests/tidy_test.py"):
            continue
        stem = re.escape(name.rsplit(".", 1)[0].removesuffix("_test").removeprefix("fuzz_"))
        text = meson_text_for(path, sources)
        if name not in text and not re.search(rf"['\"/]{stem}(_test)?['\"]", text):
            yield path, 1, f"{name} stands in no meson.build: it is never compiled or run"


def check_limits_tested(sources):
    """A named limit that no test names has no test at the limit."""
    tests = "\n".join(s.text for p, s in sources.items() if p.startswith("tests/") and s.is_cpp)
    for path, source in sources.items():
        if source.suffix != ".h" or path.startswith(("tests/", "bench/")):
            continue
        for match in LIMIT.finditer(source.code):
            name = match.group(1)
            if not re.search(rf"\b{name}\b", tests):
                yield path, source.line_of(match.start()), f"{name} has no test at the limit"


def is_shell(source):
    return source.suffix == ".sh" or re.match(r"#!.*\b(ba)?sh\b", source.lines[0]) is not None


def check_shell(sources):
    """Shell scripts parse, and pass shellcheck where that is installed."""
    scripts = [path for path, source in sources.items() if is_shell(source)]
    shellcheck = shutil.which("shellcheck")
    for path in scripts:
        done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
        if done.returncode != 0:
            yield path, 1, done.stderr.strip()
        elif shellcheck:
            command = [shellcheck, "--severity=warning", "--format=gcc", "--external-sources", path]
            done = subprocess.run(command, capture_output=True, text=True)
            for line in done.stdout.splitlines():
                yield path, int(line.split(":")[1]), "shellcheck: " + line.split(": ", 1)[-1]


def check_python(sources):
    for path, source in sources.items():
        if source.suffix != ".py":
            continue
        try:
            compile(source.text, path, "exec")
        except SyntaxError as error:
            yield path, error.lineno or 1, f"does not compile: {error.msg}"


def check_executable(sources):
    """What starts with #! can be started."""
    for path, source in sources.items():
        if source.text.startswith("#!") and not os.access(path, os.X_OK):
            yield path, 1, "starts with #! but is not executable"


def check_links(sources):
    """Links in the documents lead to files that exist."""
    for path, source in sources.items():
        if source.suffix != ".md":
            continue
        for match in LINK.finditer(source.text):
            target = match.group(1).split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            if not (pathlib.Path(path).parent / target).exists():
                yield path, source.line_of(match.start()), f"link to {target}, which does not exist"


TREE_RULES = {
    "registered": check_registered,
    "limits-tested": check_limits_tested,
    "shell": check_shell,
    "python": check_python,
    "executable": check_executable,
    "links": check_links,
}
