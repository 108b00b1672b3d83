"""Promise: code gets no descriptor of the host's, neither at its start nor later."""

from .attack import NATIVE, PIDS, Attack, table

SOCKETS = """
import socket, stat
def sockets():
    for fd in range(1024):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): yield socket.socket(fileno=os.dup(fd))
        except OSError: pass
"""


def descriptor(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "descriptors", code, bites, **options)  # type: ignore[arg-type]


ATTACKS = table(
    "descriptors",
    [
        descriptor(
            "reads every descriptor",
            """
import stat
for fd in range(1024):
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode): found(os.pread(fd, 4096, 0))
    except OSError: pass
""",
        ),
        descriptor(
            "opens its descriptors anew through /proc",
            "for fd in os.listdir('/proc/self/fd'): found(read(f'/proc/self/fd/{fd}') if os.path.isfile(f'/proc/self/fd/{fd}') else b'')",
        ),
        descriptor(
            "opens files beneath an inherited directory",
            """
for fd in range(1024):
    for name in ('private.txt', 'public.txt', '../private.txt'):
        try: found(os.read(os.open(name, os.O_RDONLY, dir_fd=fd), 999))
        except OSError: pass
""",
        ),
        descriptor(
            "leaves through an inherited directory",
            """
for fd in range(1024):
    try: os.fchdir(fd)
    except OSError: continue
    for name in ('.', '..'):
        try:
            if V['name'] in os.listdir(name) or 'private.txt' in os.listdir(name): win(fd)
        except OSError: pass
""",
        ),
        descriptor(
            "finds paths of the host behind its descriptors",
            """
for fd in range(1024):
    try: target = os.readlink(f'/proc/self/fd/{fd}')
    except OSError: continue
    if V['name'] in target or target.startswith((V['home'], V['checkout'])): win(target)
""",
        ),
        descriptor(
            "writes into an inherited log",
            """
import stat
for fd in range(3, 1024):
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode) and os.write(fd, b'evil'): win(fd)
    except OSError: pass
""",
        ),
        descriptor(
            "gives orders over an inherited control socket",
            SOCKETS
            + """
for s in sockets():
    if s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_SEQPACKET and s.send(b'{"op": "spawn", "number": 1}'): win()
""",
        ),
        descriptor(
            "opens the descriptors of the host's processes",
            """
for pid in (V['host_pid'], V['pid'], os.getppid()):
    for fd in range(64):
        if os.path.isfile(f'/proc/{pid}/fd/{fd}'): found(read(f'/proc/{pid}/fd/{fd}'))
""",
        ),
        descriptor(
            "copies a descriptor out of the host's process",
            NATIVE
            + """
for pid in (V['host_pid'], os.getppid()):
    pidfd = call('pidfd_open', pid, 0)
    for fd in range(64):
        got = call('pidfd_getfd', pidfd, fd, 0) if pidfd >= 0 else -1
        if got >= 0:
            try: found(os.pread(got, 999, 0))
            except OSError: pass
""",
            privileged=True,
        ),
        descriptor(
            "makes a handle of the host's process out of its end of a socket, and signals it",
            SOCKETS
            + """
import signal
for s in sockets():
    try: pidfd = int.from_bytes(s.getsockopt(socket.SOL_SOCKET, 77, 4), sys.byteorder)  # SO_PEERPIDFD
    except OSError: continue
    pid = re.search(r'Pid:\\s*(-?\\d+)', read(f'/proc/self/fdinfo/{pidfd}').decode())[1]
    try: pid != str(os.getpid()) and (signal.pidfd_send_signal(pidfd, 0), win(pid))
    except OSError: pass
    if int(pid) > 0 and int(pid) not in (os.getpid(), 1): win(pid)
""",
            "socket options above 76 came with Linux 6.5",
        ),
        descriptor(
            "learns the host's process id from its end of a socket",
            SOCKETS
            + """
import struct
for s in sockets():
    try: pid = struct.unpack('iII', s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    except OSError: continue
    if pid not in (0, os.getpid()): win(pid)
""",
            not_promised=PIDS,
        ),
        descriptor(
            "takes messages and descriptors that were meant for the runner",
            SOCKETS
            + """
import time
end = time.monotonic() + 1
while time.monotonic() < end:
    for s in sockets():
        s.setblocking(False)
        try: data, control, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(64))
        except OSError: continue
        fds = [int.from_bytes(d[n:n + 4], sys.byteorder) for _, _, d in control for n in range(0, len(d), 4)]
        for fd in fds:
            try: found(os.pread(fd, 4096, 0))
            except OSError: pass
        if b'token' in data or fds: win(data)
    time.sleep(0.05)
""",
            "the naive host sends nothing",
        ),
        descriptor(
            "reads the host's standard input",
            """
if os.path.realpath('/proc/self/fd/0') != '/dev/null': found(os.read(0, 9999)); win(os.path.realpath('/proc/self/fd/0'))
""",
            "the naive host has none either",
        ),
        descriptor(
            "types into the host's terminal",
            """
import fcntl
for fd in range(64):
    for request in (0x5412, 0x541C):  # TIOCSTI, TIOCLINUX: asm-generic/ioctls.h
        try: fcntl.ioctl(fd, request, b'x'); win(fd)
        except OSError: pass
""",
            "tests have no terminal",
        ),
        descriptor(
            "compares its descriptors with the host's",
            NATIVE
            + """
for pid in (V['host_pid'], os.getppid()):
    if call('kcmp', os.getpid(), pid, 0, 1, 1) >= 0: win(pid)
""",
            privileged=True,
        ),
        descriptor(
            "finds memory that it shares with the host and may write",
            """
for line in read('/proc/self/maps').decode().splitlines():
    if line.split()[1][1] == 'w' and line.split()[1][3] == 's': win(line)
""",
            "the naive host shares none",
        ),
        descriptor(
            "reads where the host's program, directory and descriptors are",
            """
for pid in (V['host_pid'], V['pid'], os.getppid()):
    for name in ('exe', 'cwd', 'root', 'fd/0', 'fd/1', f"fd/{V['descriptor']}", 'ns/net'):
        try: win(os.readlink(f'/proc/{pid}/{name}'))
        except OSError: pass
""",
        ),
    ],
)
