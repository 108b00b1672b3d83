"""What notebooks take and Python does not: `%magics`, `!commands`, `object?`. Looked for only where the source is no Python.

A line is one where a statement begins with `%`, `!` or `?`: never within a string, brackets or a continued line. It is replaced
by as many lines of Python, so that line numbers stay right.
"""

import re
import shlex
from dataclasses import dataclass, field

from .scopes import MAX_TEXT

MAX_REQUIREMENTS = 50
MAX_TIMED = 100  # lines
MAX_REQUIREMENT = 100  # characters

# What changes nothing here: figures are shown, modules are fresh and there is no prompt.
IGNORED = {
    "matplotlib", "config", "load_ext", "reload_ext", "unload_ext", "autoreload", "aimport", "autosave", "automagic",
    "autocall", "xmode", "colors", "clear", "cls", "precision", "pprint", "reset", "doctest_mode", "%capture",
}  # fmt: skip
TIMED = {"time", "timeit", "%time", "%timeit"}
INSTALLERS = ("pip", "pip3", "uv", "python", "python3", "mamba", "conda", "micromamba")
# What others are for, and what does it here.
INSTEAD = {
    "run": "put the other program's code into this cell",
    "load": "put the other file's code into this cell",
    "cd": "use os.chdir()",
    "pwd": "use os.getcwd()",
    "ls": "use os.listdir()",
    "mkdir": "use os.makedirs()",
    "rm": "use os.remove()",
    "cp": "use shutil.copy()",
    "mv": "use shutil.move()",
    "cat": "use print(open(name).read())",
    "head": "use print(open(name).read(1000))",
    "env": "use os.environ",
    "set_env": "use os.environ",
    "who": "use dir()",
    "whos": "use dir()",
    "pylab": "write `import numpy as np` and `import matplotlib.pyplot as plt`",
    "%writefile": "use open(name, 'w').write(text)",
    "%html": "use display() with an object that has _repr_html_",
    "%latex": "print the text",
    "%sql": "use sqlite3 or pandas.read_sql",
    "sql": "use sqlite3 or pandas.read_sql",
    "prun": "use cProfile.run()",
    "memit": "use tracemalloc",
    "mprun": "use tracemalloc",
    "lprun": "use cProfile.run()",
    "debug": "print the values you want to see",
    "pdb": "print the values you want to see",
    "pinfo": "use help()",
    "history": "each call starts fresh, so there is none",
    "wget": "there is no network; work with the user's files instead",
    "curl": "there is no network; work with the user's files instead",
    "git": "there is no network; work with the user's files instead",
    "unzip": "use zipfile or shutil.unpack_archive()",
    "tar": "use tarfile or shutil.unpack_archive()",
    "apt": "only Python packages can be added, by `!pip install NAME`",
    "apt-get": "only Python packages can be added, by `!pip install NAME`",
    "sudo": "only Python packages can be added, by `!pip install NAME`",
    "nvidia-smi": "there is no GPU",
    "ffmpeg": "use a Python package such as imageio",
    "jupyter": "there is no notebook; run the code itself",
}
SHELL = "other programs cannot be started; do the work in Python"
HARMLESS = {
    "-q", "-qq", "-qqq", "--quiet", "-U", "--upgrade", "-y", "--yes", "--user", "--no-cache-dir", "--no-input", "-v",
    "--verbose", "--disable-pip-version-check", "--no-warn-script-location", "--break-system-packages", "--system",
    "--prefer-binary", "--only-binary=:all:", "--root-user-action=ignore", "--no-color",
}  # fmt: skip
_SHELLS_OWN = set(";&|`$(){}\\\n\"'*?<>")  # what a shell would act on, and no name or version holds
_COMPARED = re.compile(r"[<>]=?|[=~!]=")

_BEGINS = re.compile(r"[ \t]*(?:%|!|\?|[A-Za-z_][\w.]*\?{1,2}[ \t]*$|[A-Za-z_]\w*[ \t]*=[ \t]*[!%]\w)")
_TOKEN = re.compile(
    r'#.*|[rRbBuUfF]{0,2}(?:"""|\'\'\')|"(?:\\.|[^"\\])*"?|\'(?:\\.|[^\'\\])*\'?|[([{]|[)\]}]|\\$|[^#"\'()\[\]{}\\rRbBuUfF]+|.'
)
_END = {quote: re.compile(rf"(?:\\.|[^\\])*?{quote}", re.DOTALL) for quote in ('"""', "'''")}
_FENCED = re.compile(r"\s*```[ \t]*\w*[ \t]*\r?\n")
_TIMEIT_OPTION = re.compile(r"-[nrp][ \t]*\d+[ \t]*|-[octqv]{1,4}(?:[ \t]+|$)|--[ \t]+")


class Refused(Exception):
    """A magic that has no meaning here: the line it stands on, from 1, and what to do instead."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


@dataclass
class Plain:
    """Source without magics.

    Attributes:
        install: requirements of `pip install`, as written.
        timed: lines whose statement is timed.
        all_timed: the whole cell is.
    """

    text: str = ""
    install: list[str] = field(default_factory=list)
    timed: set[int] = field(default_factory=set)
    all_timed: bool = False


def without_fences(text: str) -> str:
    """Source without the Markdown fences that stand around all of it; line numbers stay right."""
    if not _FENCED.match(text):
        return text
    lines = text.split("\n")
    standing = [number for number, line in enumerate(lines) if line.strip()]
    lines[standing[0]] = ""
    if lines[standing[-1]].strip() == "```":
        lines[standing[-1]] = ""
    return "\n".join(lines)


def plain(text: str) -> Plain | None:
    """Source with its magics done away with; None where there are none.

    Raises:
        Refused: by the first that cannot be.
    """
    lines = text.split("\n")
    found, state, number = False, _State(), 0
    result = Plain()
    while number < len(lines):
        line = lines[number]
        match = _BEGINS.match(line) if state.at_statement else None
        if match is None:
            state.pass_over(line)
            number += 1
            continue
        found = True
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        command, last = line.strip().removesuffix("\r"), number
        while command.endswith("\\") and last + 1 < len(lines):
            last += 1
            command = f"{command[:-1]} {lines[last].strip()}"
        lines[number] = indent + (_done_away_with(command, number + 1, result) or "pass")
        lines[number + 1 : last + 1] = [""] * (last - number)
        if lines[number].strip() != "pass":
            state.pass_over(lines[number])
        number = last + 1
    result.text = "\n".join(lines)
    return result if found else None


class _State:
    """Where a line ends: within a string, in brackets, or where the next statement may begin."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def at_statement(self) -> bool:
        return not (self._quote or self._depth or self._continued)

    def pass_over(self, line: str) -> None:
        self._continued = False
        at = 0
        while at < len(line):
            if self._quote:
                end = _END[self._quote].match(line, at)
                if end is None:
                    return
                at, self._quote = end.end(), ""
                continue
            match = _TOKEN.match(line, at)
            assert match is not None  # its last branch takes any character
            token, at = match.group(), match.end()
            if token.endswith(('"""', "'''")) and token[:-3].isalpha() | (len(token) == 3):
                self._quote = token[-3:]
            elif token in ("(", "[", "{"):
                self._depth += 1
            elif token in (")", "]", "}"):
                self._depth = max(0, self._depth - 1)
            elif token == "\\":
                self._continued = at == len(line)


def _done_away_with(command: str, line: int, result: Plain) -> str:
    """The Python that stands in its place, "" where there is nothing to do."""
    if command.startswith("?") or command.endswith("?"):
        name = command.strip("?").strip()[:MAX_TEXT]
        raise Refused(line, f"`{name}?` is a notebook's; use help({name})")
    if not command.startswith(("%", "!")):
        raise Refused(line, f"the value of a `!` or `%` line cannot be assigned: {SHELL}")
    sign = "!" if command.startswith("!") else "%"
    name, _, rest = command.lstrip("!").removeprefix("%").partition(" ")
    rest = rest.strip()
    words = _words(name if sign == "!" else name.removeprefix("%"), rest, line)
    if words is not None:
        _install(words, line, result)
        return ""
    if sign == "%" and name in IGNORED:
        return ""
    if sign == "%" and name in TIMED:
        if name.endswith("timeit"):
            while option := _TIMEIT_OPTION.match(rest):
                rest = rest[option.end() :]
        if name.startswith("%"):
            result.all_timed = True
        else:
            result.timed.add(line)
            if len(result.timed) > MAX_TIMED:
                raise Refused(line, f"at most {MAX_TIMED} lines of a cell can be timed")
        return rest
    shown = f"`{sign}{name}`"[:MAX_TEXT]
    if instead := INSTEAD.get(name):
        raise Refused(line, f"{shown} is not there: {instead}")
    if sign == "!" or name in ("%bash", "%sh", "%script", "system", "sx", "%system", "%sx", "%cmd"):
        raise Refused(line, f"{shown}: {SHELL}")
    raise Refused(line, f"{shown} is a notebook's magic that this interpreter has not; write it in Python")


def _words(name: str, rest: str, line: int) -> list[str] | None:
    """What follows `pip`, however pip is called; None where it is not."""
    program = name.rpartition("/")[2]
    if program not in INSTALLERS and not name.startswith("{sys.executable}"):
        return None
    try:
        words = shlex.split(rest, comments=True)
    except ValueError as error:
        raise Refused(line, f"`{name}` cannot be read: {error}") from None
    if name.startswith("{sys.executable}") or program.startswith("python"):
        return words[2:] if words[:2] == ["-m", "pip"] else None
    if program == "uv":
        return words[1:] if words[:1] == ["pip"] else None
    return words


def _install(words: list[str], line: int, result: Plain) -> None:
    if words[:1] != ["install"]:
        raise Refused(line, "of pip there is `pip install NAME` only; importlib.metadata says what is installed")
    names = [word for word in words[1:] if word not in HARMLESS]
    if not names:
        raise Refused(line, "`pip install` names no package")
    for name in names:
        if name.startswith("-"):
            raise Refused(line, f"`pip install` takes names of packages; the option {name[:50]} is not there")
        if not set(_COMPARED.sub("", name)).isdisjoint(_SHELLS_OWN) or "://" in name or name.startswith(("/", ".")):
            raise Refused(line, f"`pip install` takes names of packages and versions; {name[:50]!r} is neither")
        if len(name) > MAX_REQUIREMENT or len(result.install) >= MAX_REQUIREMENTS:
            raise Refused(line, f"`pip install` takes {MAX_REQUIREMENTS} names of at most {MAX_REQUIREMENT} characters")
        result.install.append(name)
