"""A source file as the rules see it: lines, code without comments and strings, functions.

No parser: a scanner that knows C++ comments, literals and braces. It is exact for code in the
project's own style; macros that hide braces would deceive it, and there are none.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

LITERAL = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.S,
)
NAMESPACE = re.compile(r'\b(namespace\b[^()=]*|extern\s*"?\s*"?)\s*$')
TYPE = re.compile(r"\b(class|struct|union|enum)\b[^()=;]*$")
AFTER_PARAMETERS = re.compile(r"(const|noexcept|override|final|mutable|try|&|&&|\))\s*$")


@dataclass
class Function:
    line: int
    length: int
    head: str


@dataclass
class Source:
    path: str
    text: str
    lines: list = field(init=False)

    def __post_init__(self):
        self.lines = self.text.split("\n")

    @property
    def suffix(self):
        return "." + self.path.rsplit(".", 1)[-1] if "." in self.path.rsplit("/", 1)[-1] else ""

    @property
    def is_cpp(self):
        return self.suffix in {".cc", ".h"}

    @property
    def folder(self):
        """The folder that the include rules know: "base", "server/sched", "cmd" ..."""
        parts = self.path.split("/")
        return "/".join(parts[:2]) if parts[0] == "server" else parts[0]

    def line_of(self, position):
        return self.text.count("\n", 0, position) + 1

    @cached_property
    def code(self):
        """The text with the inside of comments and literals blanked, character for character."""
        return LITERAL.sub(lambda m: blank(m.group()), self.text)

    @cached_property
    def functions(self):
        return list(find_functions(self.code))


def blank(literal):
    if literal.startswith("/"):
        return re.sub(r"[^\n]", " ", literal)
    return literal[0] + re.sub(r"[^\n]", " ", literal[1:-1]) + literal[-1]


def is_member_initializer(head):
    """True at the brace of `Foo() : a_{1}`: a name right before it, after the parameter list."""
    if not re.search(r"[\w>]\s*$", head) or AFTER_PARAMETERS.search(head):
        return False
    close = head.rfind(")")
    return close >= 0 and "->" not in head[close:] and re.search(r"\)[^?]*:", head) is not None


def kind_of(head):
    if is_member_initializer(head):
        return "initializer"
    if NAMESPACE.search(head):
        return "scope"
    if TYPE.search(head.split(")")[-1]) and not head.rstrip().endswith(")"):
        return "scope"
    tail = head.rstrip()
    if "(" in head and not tail.endswith(("=", ",", "(", "return")):
        return "function"
    return "other"


def find_functions(code):
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()),
                  code, flags=re.M)
    stack, head_start = [], 0
    for match in re.finditer(r"[{};]", code):
        mark, at = match.group(), match.start()
        inside = bool(stack) and stack[-1][0] != "scope"
        if mark == "{":
            kind = "other" if inside else kind_of(code[head_start:at])
            stack.append((kind, at, head_start))
            if kind != "initializer":
                head_start = at + 1
        elif mark == "}":
            if not stack:
                continue
            kind, start, outer_head = stack.pop()
            if kind == "function":
                first = code.count("\n", 0, start) + 1
                yield Function(first, code.count("\n", start, at) + 1,
                               " ".join(code[outer_head:start].split()))
            head_start = outer_head if kind == "initializer" else at + 1
        elif not (stack and stack[-1][0] == "initializer"):
            head_start = at + 1
