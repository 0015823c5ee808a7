"""The rules of the tree, one function each: it takes a Source and yields (line, message).

RULES names them. tests/tidy/examples.py holds, for every rule, text that breaks it and text that
does not; the test runs those first, so that a rule which no longer fires is itself a failure.
"""

import re

from tidy.layers import check_homes, check_layers

MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 500
MAX_COLUMNS = 100

# (pattern, where it is banned, what to do instead). Applied to code without comments and strings.
BANNED = [
    (r"\b(atoi|atol|atoll|atof|strtol|strtoul|strtoull|strtod)\s*\(",
     r"(?!bench/|tests/fuzz/driver).*", "parse_number"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(", r".*", "std::string"),
    (r"(?<![\w.>:])(std::|::)?(system|popen)\s*\(", r".*", "posix_spawn with an argument list"),
    (r"(?<!>\()\bnew\s+[\w:<]", r".*", "a value, a container or std::make_unique"),
    (r"\bdelete\b(?!\s*;|\s*\()\s*[\w\[*(]", r".*", "an owner with a destructor"),
    (r"\busing\s+namespace\s+(?!std::(chrono_|string_view_|string_)?literals\b)", r".*",
     "names with their namespace"),
    (r"\bstd::(cout|cerr|clog)\b", r"(?!cmd/|tests/|bench/).*", "the stream that the caller gives"),
    (r"(?<![\w_])assert\s*\(", r".*", "GD_CHECK, which release builds keep"),
    (r"\b(rand|srand|random_shuffle)\s*\(", r".*", "a seeded std::mt19937_64"),
    (r"\b(tmpnam|mktemp|tempnam)\s*\(", r".*", "mkdtemp, or the test's TempDir"),
    (r"\bthrow\b", r"(?!proto/(codec|msgpack)|tests/).*", "a Result"),
    (r"(?m)^(?![^\n]*\bwhile\b)[^\n]*\b(sleep|usleep|nanosleep|sleep_for)\s*\(", r"tests/.*",
     "waiting for the condition itself"),
    (r"\btime\s*\(|\bnow\s*\(\)", r"server/(sched|core)/.*", "`now` as a parameter"),
    (r"\brandom_device\b|\bmt19937\w*", r"server/(sched|core)/.*", "nothing: equal in, equal out"),
    (r"\bunordered_\w+", r"server/(sched|core)/.*", "an ordered container: order can be seen"),
    (r"\b(fopen|getenv|open|ifstream|ofstream)\s*\(", r"server/(sched|core)/.*",
     "nothing: no I/O here"),
]

LEFTOVERS = re.compile(
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|not imple" r"mented|unimple" r"mented"
    r"|for n" r"ow|st" r"ub|st" r"ubbed|place" r"holder)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.$}/-])/(wo" r"rk|ro" r"ot|wor" r"kspace)/\w")
BINARY_SUFFIXES = {".png", ".bin", ".gz", ".squashfs"}


def check_function_length(source):
    if not source.is_cpp:
        return
    for function in source.functions:
        if function.length > MAX_FUNCTION_LINES:
            name = function.head.split("(")[0].split()[-1:] or ["?"]
            yield function.line, (f"function {name[0]} has {function.length} lines, "
                                  f"{MAX_FUNCTION_LINES} are allowed")


def is_data(source):
    """True for texts that nobody writes by hand, or whose form is not ours to choose."""
    return (source.path == "LICENSE" or source.suffix in BINARY_SUFFIXES
            or re.match(r"tests/fuzz/corpus/|tests/.*/(golden|data)/|completions/", source.path)
            or source.suffix in {".swf", ".json", ".csv", ".txt"})


def check_file_length(source):
    length = len(source.lines) - 1
    prose = source.suffix == ".md"
    if not is_data(source) and not prose and length > MAX_FILE_LINES:
        yield MAX_FILE_LINES + 1, f"file has {length} lines, {MAX_FILE_LINES} are allowed"


def check_columns(source):
    if is_data(source) or source.suffix == ".md" or source.path.startswith("man/"):
        return
    for number, line in enumerate(source.lines, 1):
        if len(line) > MAX_COLUMNS:
            yield number, f"line has {len(line)} columns, {MAX_COLUMNS} are allowed"


def check_blanks(source):
    if is_data(source):
        return
    tabs_allowed = source.path.rsplit("/", 1)[-1] == "Makefile" or source.path.startswith("man/")
    for number, line in enumerate(source.lines, 1):
        if "\t" in line and not tabs_allowed:
            yield number, "tab"
        if line != line.rstrip():
            yield number, "blank at the end of the line"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "no newline at the end of the file"
    if source.text.endswith("\n\n"):
        yield len(source.lines) - 1, "empty line at the end of the file"


def check_banned(source):
    if not source.is_cpp:
        return
    for pattern, where, instead in BANNED:
        if not re.fullmatch(where, source.path):
            continue
        for match in re.finditer(pattern, source.code):
            word = match.group().strip()
            yield source.line_of(match.start()), f"{word!r} is banned; use {instead}"


def check_leftovers(source):
    if is_data(source):
        return
    for match in LEFTOVERS.finditer(source.text):
        yield source.line_of(match.start()), f"{match.group()!r}: finish it, or say what is missing"


def check_machine_paths(source):
    for match in MACHINE_PATHS.finditer(source.text):
        if source.folder == "tests" and match.group(1) == "ro" "ot":
            continue  # a folder that users may not enter, on every machine
        yield source.line_of(match.start()), f"{match.group()!r} is a path of one machine"


def check_pragma_once(source):
    if source.suffix == ".h" and "#pragma once" not in source.lines:
        yield 1, "header without #pragma once"


def check_head(source):
    """Every file opens by saying what it is; a .cc may leave that to the header of its name."""
    first = next((line for line in source.lines if line and not line.startswith("#!")), "")
    own_header = f'#include "{source.path.removesuffix(".cc")}.h"'
    if source.is_cpp and not first.startswith("//") and first != own_header:
        yield 1, "no head comment: what it is, what must hold, what it costs"
    if source.suffix == ".py" and not first.startswith('"""'):
        yield 1, "no docstring at the head"
    if source.suffix == ".sh" and not first.startswith("#"):
        yield 1, "no head comment"


RULES = {
    "layers": check_layers,
    "homes": check_homes,
    "function-length": check_function_length,
    "file-length": check_file_length,
    "columns": check_columns,
    "blanks": check_blanks,
    "banned": check_banned,
    "leftovers": check_leftovers,
    "machine-paths": check_machine_paths,
    "pragma-once": check_pragma_once,
    "head": check_head,
}
