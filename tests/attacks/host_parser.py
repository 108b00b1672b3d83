"""Promise: code cannot reach the host through what it leaves behind, nor through what it says.

Files are collected without following links when every process of the call is dead; the host reads capped frames, raw bytes
and plain files, and parses nothing else. An attack wins if a secret comes back among the files, or the host or its caller
suffers: an error that is not a result, a call that hangs, a result that cannot be used.
"""

from .attack import Attack, table
from .forged_results import CLAIMS

# The runner's token, found the long way: with it, the host believes who speaks, not what is said.
TOKEN = (
    CLAIMS
    + """
def token():
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            for text in [value, *getattr(value, '__dict__', {}).values()]:
                if isinstance(text, str) and re.fullmatch('[0-9a-f]{32}', text): return text
        frame = frame.f_back
    return ''
def say(**frame):
    body = json.dumps({'op': 'done', 'token': token(), 'kind': 'exception', 'error': '', 'code': 1, **frame}).encode()
    for fd in descriptors(stat.S_ISSOCK):
        try: os.write(fd, len(body).to_bytes(4, 'big') + body)
        except OSError: pass
"""
)
TO_SOCKETS = (
    CLAIMS
    + """
def send(data):
    for fd in descriptors(stat.S_ISSOCK):
        try: os.write(fd, data)
        except OSError: pass
"""
)
TO_PIPES = (
    CLAIMS
    + """
def send(data):
    for fd in [1, 2, *descriptors(stat.S_ISFIFO)]:
        try: os.write(fd, data)
        except OSError: pass
"""
)
NOT_NAIVE = "the naive host has no such protocol"
PLAIN = "the naive host shows output as it comes"


def leaves(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    """Something among the cell's files."""
    return Attack(name, "host parser", code, bites, wins="leaks", **options)  # type: ignore[arg-type]


def tells(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    """Something said to the host, over a descriptor, as output or in the source."""
    return Attack(name, "host parser", code, bites, wins="harms", **options)  # type: ignore[arg-type]


def source(name: str, code: str, bites: bool | str = "Python's own parser on the host lives through it") -> Attack:
    return tells(name, code, bites)


ATTACKS = table(
    "host parser",
    [
        # ---- files
        leaves("leaves a link to a private file", "for n, p in enumerate(V['files']): os.symlink(p, f'{n}.txt')"),
        leaves(
            "leaves a link that climbs", "for n, p in enumerate(V['files']): os.symlink('../' * 40 + p[1:], f'{n}.txt')"
        ),
        leaves(
            "leaves a link to a link to a link",
            "os.symlink(V['files'][0], 'a'); os.symlink('a', 'b'); os.symlink('./b', 'c.txt')",
        ),
        leaves("leaves a link to a directory", "os.symlink(V['directory'], 'data')"),
        leaves("leaves a link to the root", "os.symlink('/', 'root'); os.symlink('root' + V['files'][0], 'x.txt')"),
        leaves(
            "leaves a link to a descriptor of the host's",
            "for p in (V['host_pid'], 'self'): os.symlink(f\"/proc/{p}/fd/{V['descriptor']}\", f'{p}.txt')",
        ),
        leaves(
            "leaves a hard link to a private file",
            """
for n, p in enumerate(V['files']):
  try: os.link(p, f'{n}.txt')
  except OSError: pass
""",
        ),
        leaves(
            "puts a link in the place of the user's own file",
            "os.path.exists('mine.csv') and os.unlink('mine.csv'); os.symlink(V['files'][0], 'mine.csv'); 'OWN_FILE'",
        ),
        leaves(
            "puts a directory in the place of the user's own file, and a link in it",
            "os.path.exists('mine.csv') and os.unlink('mine.csv'); os.mkdir('mine.csv'); os.symlink(V['files'][0], 'mine.csv/x'); 'OWN_FILE'",
        ),
        leaves(
            "hides a link behind a name that is a path",
            r"""
for name in ('a\\..\\b.txt', '...', '-rf', '~', '$(id)', 'x;id'):
    os.symlink(V['files'][0], name)
""",
        ),
        leaves(
            "swaps a file for a link while files are collected",
            """
open('real.txt', 'w').write('x')
if os.fork() == 0:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        os.symlink(V['files'][0], 't'); os.rename('t', 'swap.txt')
        os.link('real.txt', 't'); os.rename('t', 'swap.txt')
    os._exit(0)
time.sleep(0.1)
""",
            "whether the naive host looks at the right moment is luck",
        ),
        leaves(
            "swaps a directory for a link while files are collected",
            """
os.mkdir('real'); open('real/private.txt', 'w').write('x')
if os.fork() == 0:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try: os.rename('real', 'away'); os.symlink(V['directory'], 'real'); os.unlink('real'); os.rename('away', 'real')
        except OSError: pass
    os._exit(0)
time.sleep(0.1)
""",
            "whether the naive host looks at the right moment is luck",
        ),
        leaves(
            "lets a file grow and shrink while files are collected",
            """
if os.fork() == 0:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        with open('f.bin', 'wb') as f: f.truncate(1 << 22)
        os.truncate('f.bin', 0)
    os._exit(0)
time.sleep(0.1)
""",
            "whether the naive host looks at the right moment is luck",
        ),
        leaves("leaves a pipe that nobody writes to", "os.mkfifo('results.csv')"),
        leaves("leaves a socket", "import stat\nos.mknod('results.csv', stat.S_IFSOCK | 0o600)"),
        leaves("leaves a link that leads nowhere", "os.symlink('/nowhere', 'x.txt')"),
        leaves("leaves links that go round", "os.symlink('b', 'a'); os.symlink('a', 'b'); os.symlink('.', 'dot')"),
        leaves(
            "leaves a file of a terabyte that takes no space", "with open('big.bin', 'wb') as f: f.truncate(1 << 40)"
        ),
        leaves(
            "leaves many files that take no space",
            "for n in range(90):\n    with open(f'{n}.bin', 'wb') as f: f.truncate(12 << 20)",
            "the naive host reads the beginning of each",
        ),
        leaves("leaves more files than anybody wants", "for n in range(1500): open(f'{n}.txt', 'w').write('x')"),
        leaves(
            "leaves a hundred thousand names of one file",
            """
open('a', 'w').write('x' * 999)
for n in range(100000):
    try: os.link('a', f'{n}')
    except OSError: break
""",
        ),
        leaves("leaves a very deep tree", "for _ in range(1500): os.mkdir('d'); os.chdir('d')\nopen('x', 'w').close()"),
        leaves(
            "leaves a wide and deep tree",
            """
for a in range(40):
    for b in range(40): os.makedirs(f'{a}/{b}'); open(f'{a}/{b}/x.txt', 'w').write('x')
""",
            "the naive host keeps one file of a name",
        ),
        leaves("leaves a name that is no text", "open(b'\\xff\\xfe\\x80.csv', 'wb').write(b'x')"),
        leaves(
            "leaves names that mean something elsewhere",
            r"""
for name in ('new\nline.txt', '\x1b[2J.txt', 'a\u202egnp.exe', 'CON', 'NUL.txt', 'COM1.csv', 'x ', 'x.', ' ', '\u2028', '-rf', 'a' * 255, '\u0430' * 127, '..\\..\\evil.txt', 'C:\\evil.txt', 'a:b', '%2e%2e%2f', '<script>', 'x\x00y'.replace('\x00', '\x01'), '\ufeff', 'e\u0301.txt', '\u00e9.txt'):
    open(name, 'w').write('x')
""",
            "the naive host takes names as they are",
        ),
        leaves(
            "leaves names that become the same",
            "for name in ('a\\tb', 'a\\nb', 'ab', 'a\\x01b', 'a\\u200bb'): open(name, 'w').write(name)",
            "the naive host takes names as they are",
        ),
        leaves(
            "leaves files that nobody may read",
            "os.mkdir('d'); open('d/x.txt', 'w').write('x'); os.chmod('d/x.txt', 0); os.chmod('d', 0); open('y.txt', 'w').write('y'); os.chmod('y.txt', 0); os.chmod('.', 0)",
            "root reads them anyway",
        ),
        leaves(
            "leaves files that run as another user",
            "open('x', 'w').write('x'); os.chmod('x', 0o6755); os.mkdir('d'); os.chmod('d', 0o7777)",
            "a bit that nobody reads",
        ),
        leaves(
            "leaves an object that runs a program when it is loaded",
            """
import pickle
class Evil:
    def __reduce__(self): return exec, ("raise RuntimeError('it ran')",)
open('model.pkl', 'wb').write(pickle.dumps(Evil()))
""",
        ),
        leaves(
            "leaves an archive that is larger than it looks",
            """
import zipfile
with zipfile.ZipFile('x.zip', 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('x', bytes(64 << 20))
""",
        ),
        leaves("leaves JSON that nests too deep", "open('x.json', 'w').write('[' * 100000)"),
        leaves(
            "leaves files that look like the host's own",
            """
for name in ('cellblock.sqlite3', 'venv.lock', '.git', 'sitecustomize.py', '.env', 'figure-1.png', 'conftest.py'):
    open(name, 'w').write('raise SystemExit')
""",
            "names only",
        ),
        leaves(
            "leaves a directory where a figure would be saved",
            """
os.mkdir('figure-1.png')
try:
    import matplotlib.pyplot as plt; plt.plot([1])
except ImportError: pass
""",
            "the naive host saves no figures",
        ),
        leaves(
            "takes its working directory away",
            """
import shutil
here = os.getcwd(); os.chdir('/')
for n in os.listdir(here): os.unlink(f'{here}/{n}')
try: os.rmdir(here); os.symlink(V['directory'], here)
except OSError: pass
""",
        ),
        # ---- what is said to the host
        tells("says noise on every socket", TO_SOCKETS + "send(b'\\xff\\xfe{' * 2000)"),
        tells("announces a frame of four gigabytes", TO_SOCKETS + "send(b'\\xff\\xff\\xff\\xff' + b'x' * 1000)"),
        tells(
            "says JSON that nests too deep",
            TO_SOCKETS + "body = b'[' * 100000\nsend(len(body).to_bytes(4, 'big') + body if V['inside'] else body)",
        ),
        tells(
            "says a number of a hundred thousand digits",
            TO_SOCKETS
            + """
body = b'{"op": ' + b'9' * 100000 + b'}'
send(len(body).to_bytes(4, 'big') + body if V['inside'] else body)
""",
        ),
        tells(
            "says JSON of another kind",
            TO_SOCKETS
            + """
for body in (b'[]', b'null', b'1', b'"x"', b'NaN', b'{}', b''):
    send(len(body).to_bytes(4, 'big') + body if V['inside'] else body)
""",
        ),
        tells(
            "says JSON in another encoding",
            TO_SOCKETS
            + r"""
body = '{"success": "\ud800"}'.encode('utf-16', 'surrogatepass')
send(len(body).to_bytes(4, 'big') + body if V['inside'] else body)
""",
        ),
        tells(
            "says half a frame and waits",
            TO_SOCKETS + "send(b'\\0\\0\\1\\0{\"op\": ')\nwhile True: time.sleep(1)",
            timeout=1,
        ),
        tells(
            "says a frame a byte at a time",
            TO_SOCKETS + "for byte in (999).to_bytes(4, 'big') + b'{' * 600: send(bytes([byte])); time.sleep(0.001)",
            timeout=2,
        ),
        tells(
            "says frames without end",
            TO_SOCKETS
            + """
body = b'{"op":"failed"}'
frame = len(body).to_bytes(4, 'big') + body
while True: send(frame * 500)
""",
            timeout=2,
        ),
        tells(
            "says frames without end from many processes",
            TO_SOCKETS + "for _ in range(8): os.fork()\nwhile True: send(b'\\0\\0\\0\\2{}' * 5000)",
            NOT_NAIVE,
            timeout=2,
        ),
        tells(
            "speaks on after it ended",
            TO_SOCKETS
            + r"""
if os.fork() == 0:
    end = time.monotonic() + 2
    while time.monotonic() < end: send(b'\0\0\0\2{}'); os.write(1, b'late' * 1000)
    os._exit(0)
""",
            NOT_NAIVE,
        ),
        tells(
            "hands the host descriptors",
            CLAIMS
            + """
for fd in descriptors(stat.S_ISSOCK):
    try: socket.send_fds(socket.socket(fileno=os.dup(fd)), [b'x'], [0] * 200)
    except OSError: pass
""",
            NOT_NAIVE,
        ),
        tells("says with the token what is no text", TOKEN + "say(error={'a': [1, 2]}); time.sleep(0.2)", NOT_NAIVE),
        *[
            tells(
                f"says with the token a text that is a list in {depth} lists",
                TOKEN
                + f"deep = []\nfor _ in range({depth}): deep = [deep]\nsys.setrecursionlimit(10**6)\nsay(error=deep); time.sleep(0.2)",
                NOT_NAIVE,
            )
            for depth in (300, 900, 940, 960, 970, 980)
        ],
        tells(
            "says with the token a text of half a megabyte",
            TOKEN + "say(error='x' * 500000); time.sleep(0.2)",
            NOT_NAIVE,
        ),
        tells(
            "says with the token a text that cannot be encoded",
            TOKEN + "say(error='\\ud800' * 10); time.sleep(0.2)",
            NOT_NAIVE,
        ),
        tells(
            "says with the token things of the wrong type",
            TOKEN + "say(kind={'a': 1}, code=[]); time.sleep(0.2)",
            NOT_NAIVE,
        ),
        tells(
            "says with the token a status that is none",
            TOKEN + "say(kind='exit', code=10**4000); time.sleep(0.2)",
            NOT_NAIVE,
        ),
        tells(
            "says with the token that it exited with True",
            TOKEN + "say(kind='exit', code=True, error=None); time.sleep(0.2)",
            NOT_NAIVE,
        ),
        tells("raises an exception that cannot be encoded", "raise Exception('\\ud800')"),
        tells(
            "raises an exception from a module whose name cannot be encoded",
            "class E(Exception): __module__ = '\\ud800'\nraise E",
        ),
        tells("exits with a text that cannot be encoded", "sys.exit('\\ud800')", "the naive host keeps no such text"),
        # ---- output
        tells(
            "writes records that are none into the ordered pipe",
            TO_PIPES
            + "for junk in (b'\\x03\\xff\\xff', b'\\x01\\xff\\xffabc', b'\\0' * 70000, b'\\x01', b'\\x02\\x10\\x01' + b'x' * 5000): send(junk)",
            PLAIN,
        ),
        tells("writes empty records without end", TO_PIPES + "while True: send(b'\\x01\\0\\0' * 20000)", timeout=2),
        tells(
            "writes records of one byte without end", TO_PIPES + "while True: send(b'\\x01\\0\\1x' * 15000)", timeout=2
        ),
        tells(
            "makes its pipes give a byte at a time",
            TO_PIPES
            + """
import fcntl
for fd in [1, 2, *descriptors(stat.S_ISFIFO)]:
    try: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_DIRECT)
    except OSError: pass
while True:
    for _ in range(100): send(b'x')
""",
            timeout=2,
        ),
        tells(
            "writes a quarter of a gigabyte",
            "block = b'x' * (1 << 20)\nfor _ in range(256): os.write(1, block)",
            timeout=5,
        ),
        tells(
            "writes characters that are cut in the middle",
            "os.write(1, '\\U0001f600'.encode() * 30000); os.write(1, b'\\xf0\\x9f')",
            PLAIN,
        ),
        tells(
            "writes bytes that are no text",
            "os.write(1, bytes(range(256)) * 500); os.write(2, b'\\xff' * 200000)",
            PLAIN,
        ),
        tells(
            "closes its output and fills it from a child",
            """
for fd in (1, 2):
    if os.fork() == 0:
        while True: os.write(fd, b'x' * 65536)
os.close(1); os.close(2)
time.sleep(1)
""",
            timeout=3,
        ),
        tells(
            "fills its output and stops",
            """
import fcntl
for fd in (1, 2): os.set_blocking(fd, False)
try:
    while True: os.write(1, b'x' * 65536)
except BlockingIOError: pass
if os.fork() == 0: time.sleep(5)
""",
            PLAIN,
            timeout=3,
        ),
        tells(
            "prints from many threads and processes at once",
            """
import threading
for _ in range(4): os.fork()
for _ in range(2): threading.Thread(target=lambda: [print('x' * 5000) for _ in range(50)]).start()
""",
            PLAIN,
        ),
        tells("prints through a stream that it broke", "sys.stdout.buffer.close()\nprint('x')"),
        tells(
            "puts something else in the place of its streams",
            """
class Out:
    def __getattr__(self, name): raise KeyboardInterrupt
sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Out()
1/0
""",
        ),
        # ---- source
        source("has a source of brackets", "(" * 20000),
        source("has a source of minus signs", "x = " + "-" * 60000 + "1", True),
        source("has a source of nested functions", "f = " + "lambda: " * 3000 + "0"),
        source("has a source of a long chain of attributes", "x" + ".a" * 60000, True),
        source(
            "has a source of nested f-strings and comprehensions",
            "x = " + "[" * 90 + "0" + " for a in ()]" * 90 + "\ny = f'{f\"{1}\"}'",
        ),
        source("has a source with a null byte", "x = 1\0"),
        source("has a source of form feeds and tabs", "\f\n\f\tif 1:\n\t\f x = 1\n        y = 2"),
        source("has a source in an encoding of its own", "# -*- coding: unicode_escape -*-\nx = '\\\\n'"),
        source("has a source whose lines end in every way", "x = 1\r\ry = 2\r\nz = '''\x0b\x0c\x1c\x85\u2028'''\n1/0"),
        source("has a source of a number with too many digits", "x = " + "9" * 10000),
        source(
            "has a source of ten thousand imports",
            "\n".join(f"try:\n    import evil{n}\nexcept ImportError: pass" for n in range(3000)),
        ),
        source(
            "has a source of texts that look like file ids",
            "x = [" + ",".join(f"'user_1_1700000000_{n:08d}'" for n in range(20000)) + "]",
        ),
        source(
            "has a source that Python computes when it compiles",
            """
x = (1,) * 4096 * 4096
y = 'x' * 4096 * 999999
z = 2 ** 10 ** 5
""",
        ),
        source("has names of a hundred thousand letters", "import " + "a" * 100000 + "\n" + "b" * 100000 + " = 1"),
    ],
)
