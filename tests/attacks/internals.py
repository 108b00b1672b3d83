"""Promise: what code does to its own interpreter stays its own affair: the host and the next calls live on.

Each of these breaks something that the runner needs, or looks for a way from its memory to somebody else's.
"""

from .attack import NATIVE, Attack, table

ONLY_ITS_OWN = "the naive host's child has nothing else to lose"


def internals(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "interpreter internals", code, bites, **options)  # type: ignore[arg-type]


def breaks(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    """It wins if the call has no result, or the host or another call suffers."""
    return internals(name, code, bites, wins="harms", **({"timeout": 2} | options))


ATTACKS = table(
    "interpreter internals",
    [
        # ---- looking for a way
        internals(
            "imports the host's packages",
            """
for name in ('plugin', 'plugin.interpreter', 'schemas', 'token_counter', 'inside', 'inside.zygote', 'tests'):
  try: win(__import__(name))
  except ImportError: pass
""",
        ),
        internals(
            "finds the host's modules among those that are loaded",
            """
for name in list(sys.modules):
    if name.partition('.')[0] in ('plugin', 'schemas', 'inside', 'asyncio.runners', 'pytest'): win(name)
""",
        ),
        internals(
            "finds secrets among Python's objects",
            """
import gc
for thing in gc.get_objects():
    for value in gc.get_referents(thing):
        if type(value) in (str, bytes) and 39 <= len(value) < 5000 and found(value): sys.exit()
""",
        ),
        internals(
            "finds secrets in the frames below its own",
            """
frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()): found(repr(value)[:10000]) if type(value) in (str, bytes, dict, list, tuple, set) else 0
    frame = frame.f_back
found(str(os.environ))
""",
        ),
        internals(
            "finds secrets in freed memory",
            NATIVE
            + """
libc.malloc.restype = ctypes.c_void_p
for size in [2 ** n for n in range(5, 24)] * 20:
    p = libc.malloc(ctypes.c_size_t(size))
    if p and found(ctypes.string_at(p, size)): break
found(str(os.environ))
""",
        ),
        internals(
            "reads memory by code that it makes up, without ctypes",
            """
def reader(): pass
try:
    found(bytes(memoryview(bytearray(1 << 20))))
    with open('/proc/self/mem', 'rb', 0) as memory:
        for line in read('/proc/self/maps').decode().splitlines():
            if '[heap]' in line:
                start, end = (int(x, 16) for x in line.split()[0].split('-'))
                memory.seek(start); found(memory.read(end - start))
finally: found(str(os.environ))
""",
        ),
        internals(
            "writes to its own program's code in memory",
            NATIVE
            + r"""
with open('/proc/self/mem', 'r+b', 0) as memory:
    memory.seek(ctypes.cast(libc.getpid, ctypes.c_void_p).value); memory.write(b'\xb8\x01\x00\x00\x00\xc3'); libc.getpid() == 1 and os.getpid() != 1 and win()
""",
            "the sandbox's own memory is its own; it must only gain nothing by it",
        ),
        internals(
            "calls the functions that made the sandbox once more",
            """
import gc
for function in [f for f in gc.get_objects() if type(f).__name__ == 'function' and f.__module__ and f.__module__.startswith('inside')]:
    if function.__name__ in ('unshare', 'mount', 'setns', 'pivot_root', 'sethostname', 'mount_sandbox', 'build_root'):
        for arguments in ((0x10000000,), ('x', '/tmp', 'tmpfs'), (0, 0), ('.', '.'), ('evil',), (1 << 20, 100), ({},)):
            try: function(*arguments); win(function.__name__)
            except (TypeError, OSError, KeyError): pass
""",
            "the naive host made none",
        ),
        internals(
            "loads the runner's limits anew, larger",
            """
import gc, resource
for thing in gc.get_objects():
    if type(thing).__name__ == 'Limits' and not V['inside']: win(thing)
try: resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 16, 1 << 16)); win()
except (ValueError, OSError): pass
""",
            "how far root may raise them depends on the machine",
        ),
        internals(
            "asks a file of another user's through the runner's own table",
            """
import gc
for thing in gc.get_objects():
    if type(thing) is dict and 'private.txt' in str(thing.get('name', '')) : win(thing)
for path in (V.get('foreign_path', V['files'][0]), '/files/private.txt'): found(read(path))
""",
        ),
        # ---- breaking what the runner needs
        breaks("clears the modules", "sys.modules.clear(); import json", ONLY_ITS_OWN),
        breaks(
            "deletes the builtins",
            "import builtins\nfor name in list(vars(builtins)): delattr(builtins, name)",
            ONLY_ITS_OWN,
        ),
        breaks(
            "empties the runner's globals",
            """
sys.stdout = None
frame = sys._getframe().f_back
while frame:
    if frame.f_globals is not globals(): frame.f_globals.clear()
    frame = frame.f_back
""",
        ),
        breaks("has no standard streams", "sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None"),
        breaks(
            "removes the encodings",
            """
import codecs
for name in list(sys.modules):
    if name.startswith('encodings'): del sys.modules[name]
sys.path.clear(); sys.meta_path.clear()
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "installs an audit hook that refuses everything",
            "def refuse(event, arguments): raise RuntimeError(event)\nsys.addaudithook(refuse)",
            ONLY_ITS_OWN,
        ),
        breaks(
            "has the import system raise",
            """
class Evil:
    def find_spec(self, *a): raise KeyboardInterrupt
sys.meta_path.insert(0, Evil()); sys.path_hooks.clear(); sys.path_importer_cache.clear()
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "lowers the recursion limit to nothing",
            """
def f():
    for n in range(300, 3, -1):
        try: sys.setrecursionlimit(n)
        except RecursionError: return
f()
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "raises the recursion limit and uses it",
            """
sys.setrecursionlimit(10**9)
class C: pass
C.__getattr__ = lambda s, n: getattr(s, n)
C().x
""",
        ),
        breaks(
            "has the collector never end",
            """
import gc
def callback(phase, info):
    while True: pass
gc.callbacks.append(callback)
""",
        ),
        breaks(
            "makes objects that make objects when they go",
            """
class D:
    def __del__(self): globals()['d'] = D() if D else None; sys and setattr(sys, 'd', type(self)())
sys.d = D(); del sys.d
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "has every signal raise",
            """
import signal
def evil(*a): raise SystemExit(7)
for n in signal.valid_signals():
    try: signal.signal(n, evil)
    except (OSError, ValueError): pass
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
while True: pass
""",
        ),
        breaks(
            "ends by every signal",
            """
import signal
first = os.getpid()
pid = os.fork()
if pid: os.waitpid(pid, 0)
else:
    for n in signal.valid_signals() - {9, 19}: os.kill(first, n)
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "kills everything it started, and itself",
            """
import signal
if os.fork() == 0: time.sleep(9)
os.kill(0, signal.SIGKILL)
""",
        ),
        breaks(
            "kills the first process from a child",
            """
first = os.getpid()
if os.fork() == 0: time.sleep(0.1); os.kill(first, 15); os.kill(first, 9); os._exit(0)
time.sleep(1)
""",
        ),
        breaks("crashes in native code", NATIVE + "ctypes.string_at(0)"),
        breaks(
            "crashes in a thread",
            NATIVE + "import threading\nthreading.Thread(target=ctypes.string_at, args=(1,)).start(); time.sleep(1)",
        ),
        breaks(
            "crashes by made-up bytecode",
            r"""
def f(): pass
far = b'\x90\x7f\x90\xff\x90\xff\x64\xff'  # a constant 16 GB behind the first: nothing can be there
f.__code__ = f.__code__.replace(co_code=far + b'\x53\x00', co_stacksize=0)
f(); f()
""",
        ),
        breaks("aborts", "os.abort()"),
        breaks(
            "divides by zero in the processor",
            NATIVE + "import signal\nos.kill(os.getpid(), signal.SIGFPE); signal.raise_signal(signal.SIGILL)",
        ),
        breaks(
            "makes a call that is answered by the end",
            NATIVE
            + r"""
code = b'\xb8\x14\x00\x00\x00\xcd\x80\xc3'
m = libc.mmap(None, 4096, 7, 0x22, -1, 0)
ctypes.memmove(m, code, len(code)); ctypes.CFUNCTYPE(ctypes.c_long)(m)()
""",
            "only a filter ends a process for it",
        ),
        breaks(
            "takes its limits away from itself",
            """
import resource
for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_DATA, resource.RLIMIT_AS, resource.RLIMIT_STACK, resource.RLIMIT_NPROC): resource.setrlimit(which, (0, 0))
open('x', 'w')
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "has no processor time left",
            """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
while True: pass
""",
        ),
        breaks(
            "waits in another directory that is gone", "os.mkdir('d'); os.chdir('d'); os.rmdir('../d')", ONLY_ITS_OWN
        ),
        breaks("forks and lets both end", "os.fork(); os.fork()", ONLY_ITS_OWN),
        breaks(
            "forks and lets the child run on as the runner",
            "if os.fork(): time.sleep(0.5)\nprint(os.getpid())",
            ONLY_ITS_OWN,
        ),
        breaks("closes every descriptor", "os.closerange(0, 4096)"),
        breaks(
            "puts its sockets in the place of each other",
            """
for fd in range(3, 40):
    for other in range(3, 40):
        try: os.dup2(fd, other)
        except OSError: pass
""",
            "what the naive host's descriptors are is luck",
        ),
        breaks(
            "makes its descriptors not wait",
            """
for fd in range(64):
    try: os.set_blocking(fd, False)
    except OSError: pass
print('x' * 10**6)
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "runs another program in its place",
            "os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(100)'])",
        ),
        breaks(
            "runs a program that is none",
            r"""
open('x', 'wb').write(b'\x7fELF' + bytes(200)); os.chmod('x', 0o755)
try: os.execv('x', ['x'])
finally: os._exit(5)
""",
        ),
        breaks(
            "changes what Python's numbers are",
            NATIVE + "ctypes.memset(id(257) + 24, 0, 4)\nfor n in range(-5, 257): ctypes.memset(id(n) + 24, 1, 4)",
            ONLY_ITS_OWN,
        ),
        breaks(
            "has the runner's frames traced",
            """
def trace(frame, event, argument):
    frame.f_trace_opcodes = True
    for name in list(frame.f_locals): frame.f_locals[name] = None
    return trace
sys.settrace(trace); sys._getframe().f_trace = trace
frame = sys._getframe()
while frame: frame.f_trace = trace; frame = frame.f_back
""",
            ONLY_ITS_OWN,
        ),
        breaks(
            "changes the class of everything it finds",
            """
import gc
class Evil: pass
for thing in gc.get_objects():
    try: thing.__class__ = Evil
    except BaseException: pass
""",
        ),
        breaks(
            "waits for a lock that is never let go",
            """
import threading, logging
logging._lock.acquire(); threading._shutdown_locks_lock.acquire()
import _imp; _imp.acquire_lock()
threading.Thread(target=time.sleep, args=(0.1,)).start()
""",
            ONLY_ITS_OWN,
            timeout=1,
        ),
    ],
)
