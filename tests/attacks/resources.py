"""Promise: code stays within time, memory, processes, open files, disk space and output, and cannot stop the host.

An attack wins if it gets much more than a sandbox may have (V['enough_...']; outside a harmless amount) and keeps it, if
another user's small call that comes in meanwhile fails or does not end in ten seconds, or if its own does not end in time.
"""

from .attack import NATIVE, Attack, table

MACHINE = "it would slow down or stop the machine that runs the tests"
UNCOUNTED = "kernel memory: only a cgroup counts it, and only others' calls are looked at"
LOADERS = "the naive host loads no pictures or tables"


def takes(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "resources", code, bites, wins="harms", **({"timeout": 2} | options))  # type: ignore[arg-type]


def memory(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    """`code` takes memory in steps and adds what it has to `taken`; it must touch it."""
    body = "taken, kept, step = 0, [], 1 << 22\n" + code
    return takes(name, body, bites, **options)


UNTIL_ENOUGH = """
    taken += step
    if taken > V['enough_bytes']: win(taken); break
"""
# So many processes take a share each; whoever sees all of them alive and full has won.
SHARED_OUT = """
share, ready = 16 << 20 if not V['inside'] else 60 << 20, os.pipe()
count = V['enough_bytes'] // share + 1
for _ in range(count):
    if os.fork() == 0:
%s
        os.write(ready[1], b'x'); time.sleep(10); os._exit(0)
full = 0
while full < count: full += len(os.read(ready[0], count))
time.sleep(0.3)
win(full)
"""

ATTACKS = table(
    "resources",
    [
        # ---- memory
        memory("takes memory as bytes", "while True:\n    kept.append(b'x' * step)" + UNTIL_ENOUGH),
        memory(
            "takes memory as small objects",
            """
step = 100000 * 40
while True:
    kept.append([float(n) for n in range(100000)])
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory in one piece",
            """
kept = bytearray(V['enough_bytes'])
for n in range(0, len(kept), 4096): kept[n] = 1
win(len(kept))
""",
        ),
        memory(
            "takes memory as an array",
            "import numpy\nkept = numpy.ones(V['enough_bytes'] // 8); win(kept.nbytes)",
            LOADERS,
        ),
        memory(
            "takes memory by mapping it",
            """
import mmap
while True:
    m = mmap.mmap(-1, step, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    m[::4096] = b'x' * (step // 4096); kept.append(m)
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory by mapping it shared",
            """
import mmap
while True:
    m = mmap.mmap(-1, step)
    m[::4096] = b'x' * (step // 4096); kept.append(m)
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory by mapping a file of its own",
            """
import mmap
while True:
    f = open(f'{len(kept)}', 'w+b'); f.truncate(step); m = mmap.mmap(f.fileno(), step)
    m[::4096] = b'x' * (step // 4096); kept.append((f, m))
"""
            + UNTIL_ENOUGH,
            "outside, files are held by the disk alone",
        ),
        memory(
            "takes memory by writing to private maps of libraries",
            NATIVE
            + """
import glob
paths = [p for p in glob.glob('/usr/lib/*/lib*.so*') + glob.glob(os.path.dirname(os.__file__) + '/lib-dynload/*.so') if os.path.isfile(p) and os.path.getsize(p) > 100000]
import itertools
for p in itertools.cycle(paths):
    fd, step = os.open(p, os.O_RDONLY), os.path.getsize(p)
    m = libc.mmap(None, step, 3, 2, fd, 0); os.close(fd)
    if m == FAILED: raise MemoryError
    for n in range(0, step, 4096): ctypes.memset(m + n, 1, 1)
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory that grows like a stack",
            NATIVE
            + """
while True:
    m = libc.mmap(None, step, 3, 0x122, -1, 0)
    if m == FAILED: raise MemoryError
    ctypes.memset(m, 1, step)
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory read-only and makes it writable afterwards",
            NATIVE
            + """
while True:
    m = libc.mmap(None, step, 1, 0x22, -1, 0)
    if m == FAILED or libc.mprotect(ctypes.c_void_p(m), ctypes.c_size_t(step), 3): raise MemoryError
    ctypes.memset(m, 1, step)
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory by growing the heap",
            NATIVE
            + """
libc.sbrk.restype = ctypes.c_void_p
while True:
    m = libc.sbrk(ctypes.c_ssize_t(step))
    if m == FAILED: raise MemoryError
    ctypes.memset(m, 1, step)
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory as stacks of threads",
            """
import threading
threading.stack_size(64 << 20)
def deep(n):
    return deep(n - 1) if n else event.wait()
event = threading.Event()
for _ in range(60): threading.Thread(target=deep, args=(900,), daemon=True).start()
""",
            "threads need no more than they use",
        ),
        memory("takes memory in many processes", SHARED_OUT % "        kept = b'x' * share"),
        memory(
            "takes memory in programs that it starts",
            """
import subprocess
share = 60 << 20
count = V['enough_bytes'] // share + 1
code = f"import time; x = b'x' * {share}; print(1, flush=True); time.sleep(10)"
children = [subprocess.Popen([sys.executable, '-S', '-c', code], stdout=-1) for _ in range(count)]
for child in children: child.stdout.readline() or sys.exit('short')
time.sleep(0.3); win(count)
for child in children: child.kill()
""",
        ),
        memory(
            "takes memory in processes that nobody may look into",
            NATIVE + SHARED_OUT % "        libc.prctl(4, ctypes.c_long(0)); kept = b'x' * share",
        ),
        memory(
            "takes memory in processes that change all the time",
            SHARED_OUT
            % """
        kept = b'x' * share
        for _ in range(30):
            if os.fork(): os._exit(0)
""",
        ),
        memory(
            "takes memory and has it swapped out",
            NATIVE
            + """
while True:
    m = libc.mmap(None, step, 3, 0x22, -1, 0)
    if m == FAILED: raise MemoryError
    ctypes.memset(m, 1, step); libc.madvise(ctypes.c_void_p(m), ctypes.c_size_t(step), 21)
"""
            + UNTIL_ENOUGH,
        ),
        memory(
            "takes memory again and again",
            """
for _ in range(6):
    if os.fork() == 0:
        while True:
            try:
                while True: kept.append(b'x' * step)
            except MemoryError: kept.clear()
while True: time.sleep(1)
""",
            MACHINE,
            timeout=1,
        ),
        memory(
            "takes memory in pipes",
            """
pipes = []
try:
    while True:
        pipes.append(os.pipe()); os.set_blocking(pipes[-1][1], False)
        try:
            while True: os.write(pipes[-1][1], b'x' * 65536)
        except BlockingIOError: pass
except OSError: time.sleep(1)
""",
            UNCOUNTED,
        ),
        memory(
            "takes memory in sockets",
            """
import socket
for _ in range(30):
    if os.fork() == 0: break
pairs = []
try:
    while True:
        a, b = socket.socketpair(); a.setblocking(False); a.setsockopt(1, 7, 1 << 24); pairs.append((a, b))
        try:
            while True: a.send(b'x' * 65536)
        except BlockingIOError: pass
except OSError: time.sleep(1)
""",
            UNCOUNTED,
        ),
        memory(
            "takes memory as page tables",
            NATIVE
            + """
try:
    while True:
        m = libc.mmap(None, 1 << 36, 1, 0x4022, -1, 0)
        if m == FAILED: break
        for n in range(0, 1 << 36, 1 << 21): ctypes.string_at(m + n, 1)
except MemoryError: pass
""",
            UNCOUNTED,
        ),
        memory(
            "takes memory as small maps",
            NATIVE
            + """
for _ in range(20):
    if os.fork() == 0: break
for n in range(60000):
    if libc.mmap(None, 4096, 1 + n % 2 * 2, 0x22, -1, 0) == FAILED: break
time.sleep(1)
""",
            UNCOUNTED,
        ),
        memory(
            "takes memory as watched descriptors",
            """
import select
polls = [select.epoll() for _ in range(50)]
reading, writing = os.pipe()
for _ in range(40):
    if os.fork() == 0: break
mine = os.pipe()
while True:
    try: fd = os.dup(mine[0])
    except OSError: break
    for p in polls: p.register(fd, 1)
time.sleep(1)
""",
            UNCOUNTED,
        ),
        memory(
            "takes memory as names that do not exist",
            """
import itertools
for n in itertools.count(): os.path.exists(f'{os.path.dirname(os.__file__)}/{n}' + 'x' * 200)
""",
            UNCOUNTED,
            timeout=1,
        ),
        memory(
            "takes memory while its source is parsed",
            "x = (" + "[" * 80 + "1" + "]" * 80 + ",)" + " + (1,)" * 2000,
            "Python's own parser takes as much outside",
        ),
        # ---- what the user of the bot pays with: watched descriptors and those on their way are counted by uid
        takes(
            "uses up what its uid may watch",
            """
import select
polls, told = [select.epoll() for _ in range(50)], os.pipe()
count = 0
for _ in range(60 if V['inside'] else 1):
    try:
        if os.fork(): count += 1; continue
    except OSError: break
    mine, watched = os.pipe(), 0
    while True:
        try: fd = os.dup(mine[0])
        except OSError: break
        for p in polls: p.register(fd, 1); watched += 1
        if not V['inside'] and watched > V['enough_watches']: break
    os.write(told[1], watched.to_bytes(4, 'big')); time.sleep(2); os._exit(0)
total = sum(int.from_bytes(os.read(told[0], 4), 'big') for _ in range(count))
if total > V['enough_watches']: win(total)
""",
            timeout=10,
            unmended=(
                "namespaces, sandbox-only, ordinary",
                "epoll(7): max_user_watches is counted by uid, here the bot's own, and no limit of a process holds it; "
                "without epoll polars does not run",
            ),
        ),
        takes(
            "uses up what its uid may have on the way in sockets",
            """
import socket
r, w = os.pipe()
for _ in range(40 if V['inside'] else 1):
    if os.fork() == 0: break
a, b = socket.socketpair()
sent = 0
try:
    for _ in range(8): socket.send_fds(a, [b'x'], [r] * 100); sent += 100
except OSError: pass
if sent > 100: win(sent)
time.sleep(2 if V['inside'] else 0)
""",
            timeout=5,
        ),
        # ---- space
        takes(
            "fills the disk with one file",
            """
with open('big', 'wb', 0) as f:
    while f.tell() < V['enough_disk']: f.write(bytes(1 << 20))
time.sleep(0.4); win()
""",
        ),
        takes(
            "fills the disk with many files",
            "for n in range(V['enough_disk'] >> 20): open(f'{n}', 'wb').write(b'x' * (1 << 20))\ntime.sleep(0.4); win()",
        ),
        takes(
            "fills the disk in every place that may be written",
            """
size = 0
for place in ('.', '/tmp', '/dev/shm', '/var/tmp', '/mnt/data', '/files', os.path.expanduser('~')) if V['inside'] else '.':
    try:
        for n in range(V['enough_disk'] >> 18):
            open(f'{place}/{size}', 'xb').write(b'x' * (1 << 18)); size += 1 << 18
    except OSError: pass
if size >= V['enough_disk']: (time.sleep(0.4), win(size))
""",
        ),
        takes(
            "fills the disk with files that have no name",
            """
kept = []
for n in range(V['enough_disk'] >> 20):
    f = open('x', 'wb', 0); kept.append(f); os.unlink('x'); f.write(b'x' * (1 << 20)) == 1 << 20 or sys.exit(1)
time.sleep(0.4); win()
""",
        ),
        takes(
            "fills the disk by reserving it",
            "fd = os.open('x', os.O_RDWR | os.O_CREAT)\nos.posix_fallocate(fd, 0, V['enough_disk']); time.sleep(0.4); win()",
        ),
        takes(
            "fills the disk by copying inside the kernel",
            """
open('a', 'wb').write(b'x' * (1 << 20)); a = os.open('a', os.O_RDONLY)
for n in range(V['enough_disk'] >> 20):
    b = os.open(f'b{n}', os.O_WRONLY | os.O_CREAT); os.copy_file_range(a, b, 1 << 20, 0, 0) == 1 << 20 or sys.exit(1); os.close(b)
time.sleep(0.4); win()
""",
        ),
        takes(
            "reserves more of the disk at once than there may be",
            """
size = 0
for n in range(V['enough_at_once'] // V['enough_disk'] * 2):
    fd = os.open(f'{n}', os.O_RDWR | os.O_CREAT)
    try: os.posix_fallocate(fd, 0, V['enough_disk'] // 2)
    finally: os.close(fd)
    size += V['enough_disk'] // 2
win(size)
""",
        ),
        takes(
            "uses up names of files",
            "for n in range(V['enough_files']): open(f'{n}', 'w').close()\ntime.sleep(0.4); win()",
        ),
        takes(
            "uses up names by directories, links and pipes",
            """
for n in range(V['enough_files'] // 3):
    os.mkdir(f'd{n}'); os.symlink('x' * 4000, f's{n}'); os.mkfifo(f'p{n}')
time.sleep(0.4); win()
""",
        ),
        takes(
            "uses up names by hard links",
            """
open('a', 'w').close()
for n in range(V['enough_files']): os.link('a', f'{n}')
time.sleep(0.4); win()
""",
        ),
        takes(
            "hides space in attributes",
            """
open('a', 'w').close()
for n in range(V['enough_disk'] // 50000): os.setxattr('a', f'user.{n}', b'x' * 50000)
win()
""",
            "a file system may bound them",
        ),
        # ---- processes and descriptors
        takes(
            "forks without end",
            """
count = 0
while True:
    try:
        if os.fork() == 0: count = -10**6
        count += 1
    except OSError: time.sleep(0.1)
    if count > 200: win(count)
""",
            MACHINE,
            timeout=1,
        ),
        takes(
            "forks more processes than it may",
            """
def spare():
    reading, writing = os.pipe()
    for n in range(70):
        if os.fork() == 0: os.read(reading, 1); os._exit(0)
    win(n); os.write(writing, b'x' * 70)
spare()
""",
        ),
        takes(
            "starts more threads than it may",
            """
import threading
event = threading.Event()
for n in range(70): threading.Thread(target=event.wait).start()
win(n); event.set()
""",
        ),
        takes(
            "leaves dead processes unburied",
            """
for n in range(70):
    if os.fork() == 0: os._exit(0)
win(n)
""",
        ),
        takes(
            "starts daemons that start daemons",
            """
for _ in range(3): os.fork()
while True:
    try:
        if os.fork(): os._exit(0) if os.getpid() != 1 else time.sleep(0.01)
    except OSError: time.sleep(0.01)
""",
            MACHINE,
            timeout=1,
        ),
        takes(
            "opens more files than it may",
            "kept = [open('/dev/null') for _ in range(V['enough_descriptors'])]\nwin(len(kept))",
        ),
        takes(
            "opens files in many processes",
            """
kept = [os.dup(0) for _ in range(90)]
for n in range(50):
    try:
        if os.fork() == 0: time.sleep(2); os._exit(0)
    except OSError: break
time.sleep(1)
""",
            "within its limits; others are looked at",
        ),
        takes(
            "queues more signals than it may",
            """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
from signal import pidfd_send_signal
import ctypes
libc = ctypes.CDLL(None)
for n in range(2000):
    if libc.sigqueue(os.getpid(), 40, None): sys.exit(n)
win()
""",
        ),
        takes(
            "makes more timers than it may",
            """
import ctypes
libc, timer = ctypes.CDLL(None), ctypes.c_void_p()
event = (ctypes.c_int * 32)(); event[3] = 1
for n in range(2000):
    if libc.timer_create(1, event, ctypes.byref(timer)): sys.exit(n)
win()
""",
        ),
        # ---- time
        takes("does not end", "while True: pass", timeout=1),
        takes("does not end, deep in C", "10 ** 10 ** 8", timeout=1),
        takes("does not end in a regular expression", "re.match('(a|a)*$', 'a' * 60 + 'b')", timeout=1),
        takes(
            "does not listen to signals",
            """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True: time.sleep(1)
""",
            timeout=1,
        ),
        takes(
            "catches whatever it is asked to stop by",
            """
while True:
    try: time.sleep(100)
    except BaseException: pass
""",
            timeout=1,
        ),
        takes(
            "waits for itself",
            """
import fcntl
r, w = os.pipe()
os.read(r, 1)
""",
            timeout=1,
        ),
        takes(
            "stops its own processes",
            """
import signal
for _ in range(5):
    if os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(0.2); os.kill(os.getpid(), signal.SIGSTOP)
while True: time.sleep(1)
""",
            timeout=1,
        ),
        takes(
            "waits in the kernel for a child that shares its memory",
            """
import ctypes
libc = ctypes.CDLL(None)
libc.syscall(58 if os.uname().machine == 'x86_64' else 220, 0x4111, 0, 0, 0, 0)
while True: time.sleep(1)
""",
            timeout=1,
        ),
        takes(
            "does not end at the end",
            """
import atexit, threading
threading.Thread(target=time.sleep, args=(100,)).start()
atexit.register(time.sleep, 100)
""",
            timeout=1,
        ),
        takes(
            "does not end while its exception is shown",
            """
class E(Exception):
    def __str__(self):
        while True: pass
raise E
""",
            timeout=1,
        ),
        takes(
            "keeps all processors busy",
            """
for _ in range(59):
    try:
        if os.fork() == 0: break
    except OSError: break
while True: pass
""",
            MACHINE,
            timeout=1,
        ),
        takes(
            "keeps all processors busy in threads",
            """
import hashlib, threading
for _ in range(20): threading.Thread(target=lambda: [hashlib.sha512(bytes(1 << 24)) for _ in range(1000)], daemon=True).start()
time.sleep(10)
""",
            MACHINE,
            timeout=1,
        ),
        takes(
            "keeps the kernel busy",
            """
import ctypes
libc = ctypes.CDLL(None)
for _ in range(30):
    try:
        if os.fork() == 0: break
    except OSError: break
while True:
    os.sync(); libc.syscall(324 if os.uname().machine == 'x86_64' else 283, 1, 0); os.listdir('/proc'); os.getrandom(1 << 16)
""",
            MACHINE,
            timeout=1,
        ),
        takes(
            "keeps the kernel busy with wakes",
            """
for _ in range(20):
    try:
        if os.fork() == 0: break
    except OSError: break
a, b = os.pipe()
import threading
threading.Thread(target=lambda: [os.read(a, 1) for _ in range(10**9)], daemon=True).start()
while True: os.write(b, b'x')
""",
            MACHINE,
            timeout=1,
        ),
        takes(
            "makes its end long",
            NATIVE
            + """
for _ in range(25):
    try:
        if os.fork() == 0: break
    except OSError: break
for n in range(30000): libc.mmap(None, 4096, 1 + n % 2 * 2, 0x22, -1, 0)
while True: time.sleep(1)
""",
            MACHINE,
            timeout=1,
        ),
        # ---- output
        takes("writes without end", "while True: os.write(1, b'x' * 65536)", timeout=1),
        takes("prints without end", "while True: print('x' * 1000)", timeout=1),
        takes(
            "prints without end to both streams in turn",
            "while True: print('x'); print('y', file=sys.stderr)",
            timeout=1,
        ),
        takes(
            "writes without end from many processes",
            "for _ in range(5): os.fork()\nwhile True: os.write(2, b'x' * 65536)",
            MACHINE,
            timeout=1,
        ),
        # ---- files that are larger than they look
        takes(
            "opens a picture that is larger than it looks",
            "load_file('PIXEL_BOMB').convert('RGBA').resize((20000, 20000)); win()",
            LOADERS,
            timeout=5,
        ),
        takes("opens a table that is larger than it looks", "load_file('SHEET_BOMB'); win()", LOADERS, timeout=5),
        takes("opens JSON that nests too deep", "load_file('JSON_BOMB'); win()", LOADERS),
        takes(
            "unpacks an archive that is larger than it looks",
            """
import zlib
packed = zlib.compress(bytes(V['enough_bytes'])); x = zlib.decompress(packed); x and win(len(x))
""",
        ),
        takes(
            "parses XML that is larger than it looks",
            """
import xml.dom.minidom
text = '<!DOCTYPE x [<!ENTITY a "' + 'x' * 10 + '">' + ''.join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 30}">' for n in range(5)) + ']><x>&f;</x>'
xml.dom.minidom.parseString(text); win()
""",
            "the parser bounds it",
        ),
    ],
)
