"""Promise: a cell that failed never looks like one that did not, by anything that it does to its process or its modules.

Each of these really fails, by an exception or an exit status, and wins if its result says success. Not promised, and not
here: a cell that searches the interpreter's frames or memory for the runner's own variables (SECURITY.md).
"""

from .attack import NATIVE, Attack, table

# A guess at what a host likes to hear, in the shapes that hosts like: a line, a frame, a message.
CLAIMS = """
import json, socket, stat
def claims():
    for claim in ({'success': True, 'error': ''}, {'op': 'done', 'kind': 'ok', 'code': 0, 'error': ''}, {'status': 'ok'}):
        body = json.dumps(claim).encode()
        yield body
        yield body + b'\\n'
        yield len(body).to_bytes(4, 'big') + body
        yield len(body).to_bytes(4, 'little') + body
def descriptors(*kinds):
    for fd in range(3, 1024):
        try:
            if any(kind(os.fstat(fd).st_mode) for kind in kinds): yield fd
        except OSError: pass
"""
# Rewrites what the runner says on its way out, whatever it says it in. Everything is held by closures: when the runner speaks,
# the cell's own variables are gone.
IMPROVED = """
def make_improved(bytes=bytes, int=int, len=len):
    def improved(data):
        data = bytes(data)
        if b'failed' in data:
            return b''
        framed = int.from_bytes(data[:4], 'big') == len(data) - 4
        body = data[4:] if framed else data
        body = body.replace(b'false', b'true').replace(b'exception', b'ok').replace(b'"exit"', b'"ok"')
        return len(body).to_bytes(4, 'big') + body if framed else body
    return improved
"""


def forged(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "forged results", code, bites, wins="believed", **options)  # type: ignore[arg-type]


SILENT = "the naive host is told of the failure by the exit status"

ATTACKS = table(
    "forged results",
    [
        # ---- the process's end
        forged("ends its process with status 0", "os._exit(0)"),
        forged(
            "ends it when the interpreter shuts down",
            """
import atexit
atexit.register(os._exit, 0)
1/0
""",
        ),
        forged(
            "ends it after sys.exit",
            """
import atexit
atexit.register(os._exit, 0)
sys.exit(3)
""",
        ),
        forged(
            "ends it when its exception is shown",
            """
class E(Exception):
    def __str__(self, leave=os._exit): leave(0)
raise E
""",
        ),
        forged(
            "ends it when its exception's parts are looked at",
            """
class E(Exception):
    def __getattribute__(self, name, leave=os._exit): leave(0)
raise E
""",
        ),
        forged(
            "ends it when its variables go",
            """
class D:
    def __del__(self, leave=os._exit): leave(0)
d = D()
1/0
""",
        ),
        forged(
            "ends it when the collector runs",
            """
import gc
gc.callbacks.append(lambda *a, leave=os._exit: leave(0))
1/0
""",
        ),
        forged(
            "ends it by a finalizer",
            """
import weakref
class D: pass
d = D(); weakref.finalize(d, os._exit, 0)
1/0
""",
        ),
        forged(
            "ends it by a signal while its exception is shown",
            """
import signal
signal.signal(signal.SIGALRM, lambda *a, leave=os._exit: leave(0))
class E(Exception):
    def __str__(self): signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(2); return ''
raise E
""",
        ),
        forged(
            "ends it from another thread",
            """
import threading
class E(Exception):
    def __str__(self): threading.Thread(target=os._exit, args=(0,)).start(); time.sleep(2); return ''
raise E
""",
        ),
        forged(
            "ends it from a thread that is waited for",
            """
import threading
threading.Thread(target=lambda: (time.sleep(0.2), os._exit(0))).start()
1/0
""",
        ),
        forged(
            "ends it when output is flushed",
            """
class Out:
    def write(self, text): pass
    def flush(self, leave=os._exit): leave(0)
    buffer = None
sys.stdout = sys.__stdout__ = Out()
1/0
""",
        ),
        forged("becomes a program that succeeds", "os.execv(sys.executable, [sys.executable, '-c', 'pass'])"),
        forged("fails in a child and succeeds in its parent", "if os.fork(): os._exit(0)\n1/0"),
        forged(
            "ends the first process from a child's failure",
            """
pid = os.fork()
if pid == 0: time.sleep(0.2); 1/0
os._exit(0)
""",
        ),
        forged(
            "ends it by a trace function that sees the exception",
            """
def trace(frame, event, arg):
    if event == 'exception': os._exit(0)
    return trace
sys.settrace(trace)
def f(): 1/0
f()
""",
        ),
        forged(
            "ends it by a trace function that sees the runner",
            """
def trace(frame, event, arg): os._exit(0)
sys.settrace(trace)
1/0
""",
        ),
        forged(
            "ends it by a profile function",
            """
def profile(frame, event, arg):
    if event == 'return': os._exit(0)
sys.setprofile(profile)
1/0
""",
        ),
        forged(
            "ends it at the timeout",
            """
import signal
signal.signal(signal.SIGINT, lambda *a, leave=os._exit: leave(0))
while True: time.sleep(0.1)
""",
            "the naive host does not ask before it kills",
            timeout=1,
        ),
        forged(
            "leaves at the timeout",
            """
import signal
signal.signal(signal.SIGINT, lambda *a: sys.exit(0))
while True: time.sleep(0.1)
""",
            "the naive host does not ask before it kills",
            timeout=1,
        ),
        # ---- exceptions that pretend
        forged(
            "exits with a number that says it is nothing",
            """
class Zero(int):
    __bool__ = lambda s: False
    __and__ = __rand__ = __index__ = lambda *a: 0
    __eq__ = lambda *a: True
    __hash__ = int.__hash__
sys.exit(Zero(3))
""",
        ),
        forged(
            "exits with an object that says it is a number",
            """
class Zero:
    __class__ = int
    __and__ = __index__ = lambda *a: 0
    __bool__ = lambda s: False
    __eq__ = lambda *a: True
sys.exit(Zero())
""",
        ),
        forged(
            "raises an exception that says it is SystemExit",
            """
class E(Exception):
    __class__ = SystemExit
    code = None
raise E
""",
            "except asks for the real type",
        ),
        forged(
            "replaces SystemExit by an exception of its own",
            """
import builtins
class E(Exception): code = None
builtins.SystemExit = E
raise E
""",
        ),
        forged(
            "replaces all exceptions that a runner catches",
            """
import builtins
class E(Exception): code = None
for name in ('SystemExit', 'BaseException', 'Exception', 'KeyboardInterrupt', 'MemoryError'): setattr(builtins, name, E)
raise E
""",
        ),
        forged(
            "replaces what a runner tells types apart by",
            """
import builtins
builtins.isinstance = builtins.issubclass = lambda *a: True
builtins.type = lambda *a: int
class E(SystemExit): pass
class Code:
    __and__ = __index__ = __int__ = lambda *a: 0
    __bool__ = lambda s: False
raise E(Code())
""",
            "it breaks more of the naive host than it forges",
        ),
        forged(
            "replaces functions that a runner needs",
            """
import builtins
for name in ('str', 'repr', 'len', 'bool', 'int', 'print', 'list', 'dict', 'getattr', 'callable'):
    setattr(builtins, name, lambda *a, leave=os._exit, **k: leave(0))
1/0
""",
            SILENT,
        ),
        # ---- modules that a runner uses
        forged(
            "makes json say the opposite",
            IMPROVED
            + """
import json
json.dumps = lambda *a, dumps=json.dumps, improved=make_improved(), **k: improved(dumps(*a, **k).encode()).decode()
1/0
""",
            timeout=2,
        ),
        forged(
            "makes the encoder say the opposite",
            IMPROVED
            + """
import json
json.JSONEncoder.encode = lambda self, o, encode=json.JSONEncoder.encode, improved=make_improved(): improved(encode(self, o).encode()).decode()
1/0
""",
            timeout=2,
        ),
        forged(
            "makes sockets say the opposite",
            IMPROVED
            + """
import socket
improved, super_, getattr_ = make_improved(), super, getattr
def patch(name, socket=socket.socket, improved=make_improved(), super=super, getattr=getattr):
    setattr(socket, name, lambda self, data, *a: getattr(super(socket, self), name)(improved(data), *a))
for name in ('sendall', 'send'): patch(name)
1/0
""",
        ),
        forged(
            "makes writes say the opposite",
            IMPROVED
            + """
os.write = lambda fd, data, write=os.write, improved=make_improved(): write(fd, improved(data)) or len(data)
1/0
""",
            "the naive host writes to a socket",
        ),
        forged(
            "makes the process look like its own child",
            """
import json
os.getpid = lambda real=os.getpid(), calls=[], len=len: calls.append(1) or real + (len(calls) == 1)
json.dumps = lambda frame, dumps=json.dumps, **k: dumps({**frame, 'kind': 'ok', 'success': True}, **k)
1/0
""",
        ),
        forged(
            "makes the process look like its own child for good",
            "os.getpid = lambda real=os.getpid(): real + 1\n1/0",
            SILENT,
        ),
        forged(
            "makes the traceback's module end the process",
            """
import traceback
for name in dir(traceback):
    if callable(getattr(traceback, name)): setattr(traceback, name, lambda *a, leave=os._exit, **k: leave(0))
traceback.TracebackException = type('T', (), {'from_exception': lambda *a, leave=os._exit, **k: leave(0)})
1/0
""",
        ),
        forged(
            "makes the traceback's module leave with success",
            """
import traceback
def leave(*a, error=SystemExit, **k): raise error(0)
traceback.TracebackException.from_exception = leave
traceback.format_exception = leave
1/0
""",
            SILENT,
        ),
        forged(
            "makes the last steps end the process",
            """
import atexit, gc, threading
atexit._run_exitfuncs = gc.collect = threading._shutdown = threading.active_count = lambda *a, leave=os._exit: leave(0)
1/0
""",
        ),
        forged(
            "makes the last steps leave with success",
            """
import atexit, gc, threading
def leave(*a, error=SystemExit, **k): raise error(0)
atexit._run_exitfuncs = gc.collect = threading._shutdown = threading.active_count = leave
1/0
""",
            SILENT,
        ),
        forged(
            "makes every exit a success",
            """
import socket
os._exit = lambda status, leave=os._exit: leave(0)
socket.socket.sendall = lambda *a: None
1/0
""",
            timeout=2,
        ),
        forged(
            "replaces the modules themselves",
            """
import types
for name in ('json', 'traceback', 'linecache', 'socket', 'os', 'atexit', 'gc', 'threading', 'dataclasses', 'io'):
    sys.modules[name] = types.SimpleNamespace(__getattr__=lambda *a, leave=os._exit: leave(0))
1/0
""",
            SILENT,
        ),
        forged(
            "hides from linecache and tokenize",
            """
import linecache, tokenize
linecache.getline = linecache.getlines = linecache.checkcache = linecache.updatecache = tokenize.open = lambda *a, leave=os._exit, **k: leave(0)
def f(): 1/0
f()
""",
            "formatting has read the source by then",
        ),
        forged(
            "has its own hooks called for the exception",
            """
import threading
sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *a, leave=os._exit: leave(0)
1/0
""",
            "no host calls them",
        ),
        # ---- claims
        forged(
            "claims success on every socket and fails",
            CLAIMS
            + """
for fd in descriptors(stat.S_ISSOCK):
    for claim in claims():
        try: os.write(fd, claim); break
        except OSError: pass
os._exit(1)
""",
        ),
        *[
            forged(
                f"claims success in shape {shape} and {what}",
                CLAIMS
                + f"for fd in descriptors(stat.S_ISSOCK):\n    try: os.write(fd, list(claims())[{shape}])\n    except OSError: pass\n{end}",
                bites if shape == 0 else "the naive host wants the first shape",
                timeout=2,
            )
            for shape in (0, 6)
            for what, end, bites in (
                ("fails", "1/0", "the naive host takes two reports together for neither"),
                ("ends its process", "os._exit(1)", True),
                ("closes everything", "os.closerange(3, 1024); os._exit(1)", True),
                ("hangs", "while True: time.sleep(1)", True),
                ("is killed", "os.kill(os.getpid(), 9); os.abort()", True),
            )
        ],
        forged(
            "claims success from a child while the first process fails",
            CLAIMS
            + """
if os.fork() == 0:
    for fd in descriptors(stat.S_ISSOCK):
        for claim in claims():
            try: os.write(fd, claim)
            except OSError: pass
    os._exit(0)
os.wait(); 1/0
""",
            "the naive host takes two reports together for neither",
        ),
        forged(
            "puts pipes in the place of its descriptors, and claims success on the real ones",
            CLAIMS
            + """
real = list(descriptors(stat.S_ISSOCK))
kept = [os.dup(fd) for fd in real]
reading, writing = os.pipe()
for fd in real: os.dup2(writing, fd)
for fd in kept:
    try: os.write(fd, list(claims())[0 if not V['inside'] else 6])
    except OSError: pass
1/0
""",
        ),
        forged("closes every descriptor and fails", "os.closerange(0, 1024)\n1/0", SILENT),
        forged(
            "shuts its sockets down and fails",
            CLAIMS
            + """
for fd in descriptors(stat.S_ISSOCK): socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
1/0
""",
            SILENT,
            timeout=2,
        ),
        forged(
            "fills its sockets with a child's silence",
            CLAIMS
            + """
import signal
for fd in descriptors(stat.S_ISSOCK, stat.S_ISFIFO): os.set_blocking(fd, False)
if os.fork() == 0: time.sleep(5); os._exit(0)
1/0
""",
            SILENT,
            timeout=2,
        ),
        forged(
            "prints what a host likes to hear",
            CLAIMS + "for claim in claims(): os.write(1, claim); os.write(2, claim)\n1/0",
            "no host reads it there",
        ),
        # ---- ends that are no success
        forged("crashes", NATIVE + "ctypes.string_at(0)", "no host takes it for a success"),
        forged(
            "runs out of stack in native code",
            NATIVE
            + """
sys.setrecursionlimit(10**9)
compile('-' * 10**6 + '1', '', 'eval')
1/0
""",
            "no host takes it for a success",
        ),
        forged(
            "fails where even the report fails",
            """
def f(n):
    sys.setrecursionlimit(n)
for n in range(200, 5, -1):
    try: f(n); break
    except RecursionError: pass
class E(Exception):
    def __str__(self): return str(self)
raise E
""",
            SILENT,
        ),
        forged(
            "fails with causes that go in circles",
            """
a, b = ValueError(), KeyError()
a.__cause__, b.__cause__ = b, a
a.__context__ = a
raise a
""",
            SILENT,
        ),
        forged(
            "fails with a group of groups of groups",
            """
e = ValueError()
for _ in range(5000): e = ExceptionGroup('x', [e])
raise e
""",
            SILENT,
        ),
        forged(
            "fails with an exception that cannot be shown",
            """
class M(type):
    def __getattribute__(c, name): raise SystemExit(0)
class E(Exception, metaclass=M):
    def __str__(self): raise SystemExit(0)
    __repr__ = __str__
raise E
""",
            SILENT,
        ),
        forged(
            "fails with a text of a gigabyte",
            """
class S(str):
    __len__ = lambda s: 10
raise Exception(S('x' * 10**7))
""",
            SILENT,
        ),
        forged(
            "fails during a storm of interrupts",
            """
import signal
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
def storm(*a): raise KeyboardInterrupt
signal.signal(signal.SIGALRM, storm)
while True: pass
""",
            SILENT,
        ),
        forged(
            "fails while signals raise SystemExit",
            """
import signal
def storm(*a):
    if failing: raise SystemExit(0)
failing = []
signal.signal(signal.SIGALRM, storm); signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
class E(Exception):
    def __str__(self): failing.append(1); time.sleep(0.05); return ''
raise E
""",
            SILENT,
        ),
        forged(
            "runs out of memory where it is told",
            """
x = []
try:
    while True: x.append(bytearray(1 << 20))
except MemoryError:
    try:
        while True: x.append(bytearray(1 << 10))
    except MemoryError:
        try:
            while True: x.append(bytearray(10))
        except MemoryError: pass
1/0
""",
            "it would take the machine's memory",
        ),
        forged("reads a file that it may not", "open(V['files'][0] if V['inside'] else '/nonexistent').read()", SILENT),
        forged("is refused by Python", "def f(:", SILENT),
    ],
)
