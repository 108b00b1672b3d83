"""Promise: code sees no other call, and can do nothing to it or to any process of the host."""

from .attack import NATIVE, PIDS, Attack, table

TARGETS = "\ntargets = [V['pid'], V['host_pid'], os.getppid(), *range(2, 400)]\ntargets = [p for p in targets if p > 1 and p != os.getpid()]\n"


def others(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "other users", code, bites, **options)  # type: ignore[arg-type]


ATTACKS = table(
    "other users",
    [
        others(
            "sees other processes in /proc",
            """
own = {str(os.getpid()), *os.listdir('/proc/self/task')}
others = [p for p in os.listdir('/proc') if p.isdigit() and p not in own]
others and win(others[:5])
""",
        ),
        others(
            "sees other processes by signal 0",
            TARGETS
            + """
for pid in targets:
    try: os.kill(pid, 0); win(pid); break
    except PermissionError: win(pid); break
    except ProcessLookupError: pass
""",
            not_promised=PIDS,
        ),
        others(
            "sees other processes by their handles",
            TARGETS
            + """
for pid in targets:
    try: os.pidfd_open(pid); win(pid); break
    except OSError: pass
""",
            not_promised=PIDS,
        ),
        others(
            "kills a process of the host",
            "import signal\nos.kill(V['pid'], signal.SIGTERM); time.sleep(0.2); win()",
        ),
        others(
            "stops a process of the host",
            "import signal\nos.kill(V['pid'], signal.SIGSTOP); time.sleep(0.1); win()",
        ),
        others(
            "signals a thread of the host",
            NATIVE
            + "if call('tgkill', V['pid'], V['pid'], 19) == 0: win()\nif call('tkill', V['pid'], 18) == 0: win()",
        ),
        others(
            "signals by queueing",
            NATIVE
            + """
info = ctypes.create_string_buffer(128)
import struct
struct.pack_into('iii', info, 0, 0, 0, -1)
if call('rt_sigqueueinfo', V['pid'], 18, info) == 0: win()
""",
        ),
        others(
            "signals through the owner of a descriptor",
            """
import fcntl, signal, socket
for owner in (V['pid'], -V['pid']):
    a, b = socket.socketpair()
    try:
        fcntl.fcntl(a, fcntl.F_SETOWN, owner); fcntl.fcntl(a, fcntl.F_SETSIG, signal.SIGTERM)
        fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC); b.send(b'x')
    except OSError: pass
time.sleep(0.1)
""",
            wins="harms",
        ),
        others(
            "signals by a timer",
            NATIVE
            + """
import struct
event = ctypes.create_string_buffer(64)
struct.pack_into('QiiI', event, 0, 0, 18, 4, V['pid'])  # SIGEV_THREAD_ID
timer = ctypes.c_int()
if call('timer_create', 0, event, ctypes.byref(timer)) == 0: win()
""",
            "the kernel asks for a thread of one's own anywhere",
        ),
        others(
            "kills everything it may",
            """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.kill(-1, signal.SIGTERM); time.sleep(0.1); os.kill(-1, signal.SIGKILL)
""",
            "it would end every process of the tests' user",
            wins="harms",
        ),
        others(
            "kills the groups of others",
            TARGETS
            + """
for pid in targets:
  try: os.killpg(pid, 0); win(pid); break
  except PermissionError: win(pid); break
  except ProcessLookupError: pass
""",
            not_promised=PIDS,
        ),
        others(
            "attaches to a process of the host",
            NATIVE + TARGETS + "for pid in targets[:2]:\n  if call('ptrace', 0x4206, pid, 0, 0) == 0: win(pid)",
        ),
        others(
            "reads the memory of a process of the host",
            NATIVE
            + """
import struct
for pid in (V['pid'], V['host_pid']):
    for line in read(f'/proc/{pid}/maps').decode().splitlines():
        start, end = (int(x, 16) for x in line.split()[0].split('-'))
        buffer = ctypes.create_string_buffer(min(end - start, 1 << 24))
        local = ctypes.create_string_buffer(struct.pack('QQ', ctypes.addressof(buffer), len(buffer)))
        remote = ctypes.create_string_buffer(struct.pack('QQ', start, len(buffer)))
        if call('process_vm_readv', pid, local, 1, remote, 1, 0) > 0 and found(buffer.raw): break
""",
        ),
        others(
            "reads the memory of every process in /proc",
            """
for pid in [p for p in os.listdir('/proc') if p.isdigit() and p not in ('self', str(os.getpid()))]:
    if pid != str(V['pid']) and not V['inside']: continue
    for line in read(f'/proc/{pid}/maps').decode().splitlines():
        start, end = (int(x, 16) for x in line.split()[0].split('-'))
        try:
            with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
                memory.seek(start); found(memory.read(min(end - start, 1 << 24)))
        except (OSError, OverflowError, ValueError): pass
""",
        ),
        others(
            "lowers the limits of a process of the host",
            "import resource\nresource.prlimit(V['pid'], resource.RLIMIT_NOFILE, (3, 3)); win()",
        ),
        others(
            "reads the limits of a process of the host",
            "import resource\nwin(resource.prlimit(V['host_pid'], resource.RLIMIT_NOFILE))",
        ),
        others(
            "slows a process of the host down",
            "os.setpriority(os.PRIO_PROCESS, V['pid'], 19); win()",
        ),
        others(
            "slows all processes of its user or group down",
            """
for which, who in ((os.PRIO_USER, 0), (os.PRIO_PGRP, 0), (os.PRIO_PGRP, V['pid'])):
    try: os.setpriority(which, who, os.getpriority(os.PRIO_PROCESS, 0)); win(which)
    except OSError: pass
""",
        ),
        others(
            "ties a process of the host to one processor",
            "os.sched_setaffinity(V['pid'], {0}); win()",
        ),
        others(
            "makes a process of the host run last",
            "os.sched_setscheduler(V['pid'], os.SCHED_IDLE, os.sched_param(0)); win()",
        ),
        others(
            "puts a process of the host last for the disk",
            NATIVE + "if call(251 if V['machine'] == 'x86_64' else 30, 1, V['pid'], 3 << 13) == 0: win()",
        ),
        others(
            "attaches a SysV segment by its key and its number",
            NATIVE
            + """
libc.shmat.restype = ctypes.c_void_p
for segment in (libc.shmget(V['shm_key'], 0, 0), V['shm_id'], *range(8)):
    address = libc.shmat(segment, None, 0o10000)
    if segment >= 0 and address not in (None, FAILED): found(ctypes.string_at(address, 64))
""",
        ),
        others(
            "makes SysV objects that others would find",
            NATIVE
            + """
if libc.semget(V['shm_key'] ^ 1, 1, 0o1666) >= 0: win('semaphore')
if libc.msgget(V['shm_key'] ^ 2, 0o1666) >= 0: win('queue')
""",
            "they would outlive the test",
        ),
        others(
            "opens a message queue by its name",
            NATIVE + "if libc.mq_open(V['queue'].encode(), 2) >= 0: win()",
        ),
        others(
            "reads files that others left in shared places",
            """
for directory in ('/tmp', '/var/tmp', '/dev/shm', '/work', '.', '..', '../..', '/mnt/data', '/files', os.path.expanduser('~')):
    for place, directories, names in os.walk(directory):
        if place.count('/') > 3: directories.clear()
        for name in names:
            if 'txt' in name: found(read(f'{place}/{name}', 4096))
""",
        ),
        others(
            "sees what others have locked",
            "any(str(V['pid']) in line or ':' in line for line in read('/proc/locks').decode().splitlines()) and win()",
            "only where somebody holds a lock",
        ),
        others(
            "looks for the other user's secret in its own memory",
            """
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in read('/proc/self/maps').decode().splitlines():
        start, end = (int(x, 16) for x in line.split()[0].split('-'))
        try:
            memory.seek(start)
            if line.split()[1][0] == 'r' and found(memory.read(min(end - start, 64 << 20))): break
        except (OSError, OverflowError, ValueError): pass
""",
        ),
        others(
            "makes pages and files that were others' visible again",
            NATIVE
            + """
import tempfile
size = 32 << 20
memory = libc.mmap(None, size, 3, 0x22, -1, 0)
found(ctypes.string_at(memory, size))
with tempfile.TemporaryFile() as file:
    file.truncate(1 << 20); found(file.read())
    os.posix_fallocate(file.fileno(), 0, 1 << 20); file.seek(0); found(file.read())
""",
            "the kernel clears pages everywhere",
        ),
        others(
            "finds a robust futex list of another process",
            NATIVE
            + """
head, size = ctypes.c_void_p(), ctypes.c_size_t()
if call('get_robust_list', V['pid'], ctypes.byref(head), ctypes.byref(size)) == 0: win()
""",
        ),
        others(
            "empties the page cache of libraries that others use",
            NATIVE
            + """
import mmap
library = V['library']
if V['inside']:
    import numpy; library = os.path.join(os.path.dirname(numpy.__file__), 'conftest.py')
fd = os.open(library, os.O_RDONLY)
os.fsync(fd)
# The advice is taken where the file's pages are then gone, which a read that does not wait shows (RWF_NOWAIT).
os.pread(fd, 4096, 0)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
try: os.preadv(fd, [bytearray(10)], 0, os.RWF_NOWAIT)
except BlockingIOError: win()
""",
            "whether a page is dropped at once depends on the file system",
        ),
    ],
)
