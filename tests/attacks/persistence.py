"""Promise: code leaves nothing behind. The next call, of the same or another user, starts from the same clean state.

`code` is one call; `then` is the next, which looks for what the first left. The naive host runs both in one process and one
directory.
"""

from .attack import LOCKS, NATIVE, Attack, table

# What is left is ended off the call's path, a moment after its result.
STILL_THERE = """
pid = V['planted'].strip()
time.sleep(0.5)
if pid and os.path.exists(f'/proc/{pid}/stat'): win(pid)
"""


def left(name: str, code: str, then: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "persistence", code, bites, then=then, **options)  # type: ignore[arg-type]


def patched(name: str, plant: str, look: str) -> Attack:
    """Something in a module that the next call meets."""
    return left(name, plant, f"try:\n    if {look}: win()\nexcept (AttributeError, NameError, KeyError): pass")


def same_twice(name: str, code: str, bites: bool | str = True) -> Attack:
    """A value that nobody may be able to foretell from another call's."""
    return left(
        name,
        code,
        f"import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as mine:\n    exec({code!r})\nif mine.getvalue() == V['planted']: win(V['planted'])",
        bites,
    )


NUMPY = "the naive host has no numpy"

ATTACKS = table(
    "persistence",
    [
        patched("leaves a name among the builtins", "import builtins; builtins.evil = 1", "evil"),
        patched("replaces a builtin", "import builtins\nbuiltins.sorted = lambda *a: 'evil'", "sorted([]) == 'evil'"),
        patched(
            "replaces a function of a module",
            "import json\njson.dumps = lambda *a: 'evil'",
            "__import__('json').dumps(1) == 'evil'",
        ),
        patched(
            "puts a module among those that are imported",
            "import types; sys.modules['evil'] = types.ModuleType('evil')",
            "'evil' in sys.modules",
        ),
        patched("puts its directory before the others", "sys.path.insert(0, '/evil')", "'/evil' in sys.path"),
        patched(
            "installs an import hook",
            "class Evil: find_spec = staticmethod(lambda *a, **k: None)\nsys.meta_path.append(Evil)",
            "any('Evil' in repr(f) for f in sys.meta_path)",
        ),
        patched("changes the environment", "os.environ['EVIL'] = '1'", "'EVIL' in os.environ"),
        patched("changes the mask of new files", "os.umask(0o077)", "os.umask(0o022) == 0o077"),
        patched("changes the working directory", "os.mkdir('evil'); os.chdir('evil')", "os.getcwd().endswith('evil')"),
        patched(
            "installs a signal handler",
            "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
            "__import__('signal').getsignal(10) == 1",
        ),
        patched(
            "changes the locale",
            "import locale; locale.setlocale(locale.LC_ALL, 'C')\nsys.evil = 1",
            "hasattr(sys, 'evil')",
        ),
        patched("lowers the recursion limit", "sys.setrecursionlimit(60)", "sys.getrecursionlimit() == 60"),
        patched(
            "sets a trace function for threads",
            "import threading; threading.settrace(lambda *a: None)",
            "__import__('threading').gettrace()",
        ),
        patched(
            "leaves a callback for the collector",
            "import gc; gc.callbacks.append(lambda *a: None)",
            "len(__import__('gc').callbacks) > 0",
        ),
        patched(
            "changes the precision of decimals",
            "import decimal; decimal.getcontext().prec = 3",
            "__import__('decimal').getcontext().prec == 3",
        ),
        patched(
            "registers a codec error handler",
            "import codecs; codecs.register_error('evil', lambda e: ('', e.end))",
            "'x'.encode().decode('ascii', 'evil') == 'x' and __import__('codecs').lookup_error('evil')",
        ),
        patched(
            "changes options of the libraries",
            """
sys.evil = 1
try:
    import pandas, matplotlib; pandas.set_option('display.max_rows', 1); matplotlib.rcParams['figure.dpi'] = 1
except ImportError: pass
""",
            "hasattr(sys, 'evil') or __import__('pandas').get_option('display.max_rows') == 1 or __import__('matplotlib').rcParams['figure.dpi'] == 1",
        ),
        patched(
            "leaves a figure open",
            """
try:
    import matplotlib.pyplot as plt; plt.figure()
except ImportError: sys.evil = 1
""",
            "hasattr(sys, 'evil') or __import__('matplotlib.pyplot').pyplot.get_fignums()",
        ),
        left(
            "leaves files in every place that may be written",
            """
for place in ('.', '/tmp', '/var/tmp', '/dev/shm', '/mnt/data', '/files', '/work', os.path.expanduser('~'), '/tmp/.cache', '/tmp/matplotlib'):
    if V['inside'] or place == '.':
        try: open(f'{place}/evil', 'w').close()
        except OSError: pass
""",
            """
for place in ('.', '/tmp', '/var/tmp', '/dev/shm', '/mnt/data', '/files', '/work', os.path.expanduser('~'), '/tmp/.cache', '/tmp/matplotlib'):
    if (V['inside'] or place == '.') and os.path.exists(f'{place}/evil'): win(place)
""",
        ),
        left(
            "leaves a module that the next call imports in place of another",
            "open('json.py', 'w').write('evil = 1'); open('sitecustomize.py', 'w').write('import sys; sys.evil = 1'); open('colorsys.py', 'w').write('evil = 1')",
            """
import json, colorsys
if hasattr(json, 'evil') or hasattr(colorsys, 'evil') or hasattr(sys, 'evil'): win()
""",
        ),
        left(
            "leaves settings of programs in the home directory",
            """
home = os.path.expanduser('~') if V['inside'] else '.'
for name in ('.pythonrc', 'matplotlibrc', '.matplotlib/matplotlibrc', '.config/matplotlib/matplotlibrc', '.local/lib/python3.11/site-packages/evil.pth'):
    os.makedirs(os.path.dirname(f'{home}/{name}') or '.', exist_ok=True)
    open(f'{home}/{name}', 'w').write('figure.dpi: 1')
""",
            """
home = os.path.expanduser('~') if V['inside'] else '.'
for name in ('.pythonrc', 'matplotlibrc', '.matplotlib/matplotlibrc', '.config/matplotlib/matplotlibrc', '.local/lib/python3.11/site-packages/evil.pth'):
    if os.path.exists(f'{home}/{name}'): win(name)
""",
        ),
        left(
            "poisons the compiled modules and caches of the libraries",
            """
import importlib.util
directory = os.path.dirname(V['library'])
if V['inside']: directory = os.path.dirname(importlib.util.find_spec('numpy').origin)
for name in ('__pycache__/evil.pyc', 'evil.pth', '../evil.pth'):
    try:
        os.makedirs(os.path.dirname(f'{directory}/{name}'), exist_ok=True)
        open(f'{directory}/{name}', 'w').close(); print(f'{directory}/{name}')
    except OSError: pass
""",
            "for path in V['planted'].split():\n    if os.path.exists(path): win(path); os.unlink(path)",
        ),
        left(
            "leaves a process behind",
            """
pid = os.fork()
if pid == 0: time.sleep(3); os._exit(0)
print(pid)
""",
            STILL_THERE,
        ),
        left(
            "leaves a daemon in a session of its own",
            """
import signal
reading, writing = os.pipe()
if os.fork() == 0:
    try: os.setsid()
    except OSError: os.setpgid(0, 0)
    pid = os.fork()
    if pid: os.write(writing, str(pid).encode()); os._exit(0)
    for fd in range(3): os.close(fd)
    signal.alarm(3); time.sleep(3); os._exit(0)
print(os.read(reading, 9).decode())
""",
            STILL_THERE,
        ),
        left(
            "leaves a thread that works on",
            """
import threading
def work():
    for _ in range(30): sys.evil = getattr(sys, 'evil', 0) + 1; time.sleep(0.1)
threading.Thread(target=work, daemon=True).start()
""",
            "time.sleep(0.3)\nif hasattr(sys, 'evil'): win()",
        ),
        left(
            "sets a timer for the next call",
            "import signal; signal.signal(signal.SIGALRM, lambda *a, win=win: win()); signal.setitimer(signal.ITIMER_REAL, 0.5)",
            "time.sleep(1)",
        ),
        left(
            "leaves a callback for the end of the next call",
            "import atexit; sys.evil = 1; atexit.register(print, 'evil')",
            "if hasattr(sys, 'evil'): win()",
        ),
        left(
            "leaves a message in shared memory",
            NATIVE + "segment = libc.shmget(V['shm_key'] ^ 77, 4096, 0o1666)\nprint(segment)",
            NATIVE
            + """
segment = libc.shmget(V['shm_key'] ^ 77, 0, 0)
if segment >= 0: libc.shmctl(segment, 0, None); win()
""",
        ),
        left(
            "leaves an abstract socket that listens",
            r"""
import socket
sys.evil = s = socket.socket(socket.AF_UNIX); s.bind('\0evil-' + V['name']); s.listen()
""",
            "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0evil-' + V['name']); win()",
        ),
        left(
            "leaves an open descriptor",
            "print(os.open('.', os.O_RDONLY)); fd = os.dup2(0, 77)",
            "try: os.fstat(77); win()\nexcept OSError: pass",
        ),
        left(
            "leaves a lock on a library held",
            """
import fcntl
library = os.__file__ if V['inside'] else V['library']
sys.evil = os.open(library, os.O_RDONLY); fcntl.flock(sys.evil, fcntl.LOCK_EX)
if os.fork() == 0: time.sleep(3); os._exit(0)
""",
            """
import fcntl
library = os.__file__ if V['inside'] else V['library']
try: fcntl.flock(os.open(library, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError: win()
""",
            not_promised=LOCKS,
        ),
        left(
            "leaves limits of its own",
            """
import resource
print(resource.getrlimit(resource.RLIMIT_NOFILE)[1]); resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
""",
            "import resource\nif resource.getrlimit(resource.RLIMIT_NOFILE) == (60, 60): win()",
        ),
        left(
            "leaves a lower priority",
            "os.nice(3); print(os.nice(0))",
            "if os.nice(0) >= int(V['planted']): win()",
        ),
        left(
            "leaves memory that is not cleared",
            "import hashlib\nmark = 'EVIL-' + V['name']; x = [mark.encode() * 100 for _ in range(1000)]",
            """
mark = b'EVIL-' + V['name'].encode()
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in read('/proc/self/maps').decode().splitlines():
        start, end = (int(x, 16) for x in line.split()[0].split('-'))
        try:
            memory.seek(start)
            if line.split()[1][0] == 'r' and memory.read(min(end - start, 64 << 20)).count(mark) > 50: win(); break
        except (OSError, OverflowError, ValueError): pass
""",
        ),
        # ---- two calls must not have the same chances
        same_twice(
            "foretells Python's random numbers",
            "import random; print(random.random(), random.getrandbits(64))",
            "the naive host runs both in one process",
        ),
        same_twice(
            "foretells NumPy's random numbers",
            "import numpy; print(numpy.random.rand(4), numpy.random.default_rng().random())",
            NUMPY,
        ),
        same_twice(
            "foretells names of temporary files",
            "import tempfile; print(next(tempfile._get_candidate_names()))",
            "the naive host runs both in one process",
        ),
        same_twice(
            "foretells random bytes of the TLS library",
            "import ssl; print(ssl.RAND_bytes(16))",
            "the naive host runs both in one process",
        ),
        same_twice(
            "foretells unique ids",
            "import uuid; print(uuid.uuid4(), uuid.uuid1().clock_seq)",
            "the naive host runs both in one process",
        ),
        same_twice(
            "foretells tokens", "import secrets; print(secrets.token_hex())", "the naive host runs both in one process"
        ),
    ],
)
