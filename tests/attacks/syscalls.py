"""Promise: code makes only the system calls that Python needs, without privileges, also in namespaces of its own.

Each attack makes one call that the kernel would grant to an ordinary process, or to root, and that the filter must not.
"""

from .attack import NATIVE, Attack, table
from .network import INT80, INTEL

HARM = "it would harm the machine that runs the tests"


def syscall(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "syscalls", NATIVE + code, bites, **options)  # type: ignore[arg-type]


def succeeds(name: str, expression: str, bites: bool | str = True, **options: object) -> Attack:
    """A call that wins by not failing."""
    return syscall(name, f"if {expression} >= 0: win()", bites, **options)


def allowed(name: str, expression: str) -> Attack:
    """A call that is not made outside; inside it must fail for want of permission, not for what it is asked."""
    code = f"""
result = {expression}
if result >= 0 or ctypes.get_errno() not in (1, 38): win(ctypes.get_errno())  # EPERM, ENOSYS
"""
    return syscall(name, code, HARM)


ATTACKS = table(
    "syscalls",
    [
        # ---- namespaces and mounts
        succeeds("makes a user namespace", "call('unshare', 0x10000000)", "some hosts refuse them to everybody"),
        *[
            succeeds(f"makes a {what} namespace", f"call('unshare', {flag:#x})", privileged=True)
            for what, flag in (
                ("mount", 0x00020000),
                ("pid", 0x20000000),
                ("network", 0x40000000),
                ("ipc", 0x08000000),
                ("uts", 0x04000000),
                ("cgroup", 0x02000000),
                ("time", 0x00000080),
            )
        ],
        syscall(
            "forks into a user namespace",
            """
pid = call('clone', 0x10000000 | 17, 0, 0, 0, 0)
if pid == 0: os._exit(0)
if pid > 0: os.waitpid(pid, 0); win()
""",
            "some hosts refuse them to everybody",
        ),
        syscall(
            "forks into namespaces by clone3",
            """
import struct
for flags in (0x10000000, 0x20000000, 0x40000000, 0):
    arguments = ctypes.create_string_buffer(struct.pack('11Q', flags, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0))
    pid = call('clone3', arguments, 88)
    if pid == 0: os._exit(0)
    if pid > 0: os.waitpid(pid, 0); win(hex(flags))
""",
        ),
        syscall(
            "enters its own namespaces anew",
            """
for kind in ('user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'pid_for_children'):
    fd = os.open(f'/proc/self/ns/{kind}', os.O_RDONLY)
    if libc.setns(fd, 0) == 0: win(kind)
""",
            privileged=True,
        ),
        syscall(
            "enters namespaces through a process's handle",
            "pidfd = call('pidfd_open', os.getpid(), 0)\nif libc.setns(pidfd, 0x04000000) == 0: win()",
            privileged=True,
        ),
        syscall(
            "mounts a file system",
            "os.mkdir('m')\nif libc.mount(b'x', b'm', b'tmpfs', 0, None) == 0: win(); libc.umount2(b'm', 2)",
            privileged=True,
        ),
        allowed("unmounts its root", "libc.umount2(b'/', 2)"),
        succeeds("changes its root", "libc.chroot(b'.')", privileged=True),
        syscall(
            "names the machine anew",
            "name = os.uname().nodename.encode()\nif libc.sethostname(name, len(name)) == 0: win()",
            privileged=True,
        ),
        syscall(
            "writes its own map of users",
            """
for name, text in (('setgroups', 'allow'), ('uid_map', '0 0 1'), ('projid_map', '0 0 1')):
  try: open(f'/proc/self/{name}', 'w').write(text); win(name)
  except OSError: pass
""",
            "a map is written once, in a new namespace",
        ),
        # ---- other processes
        syscall(
            "traces its own child",
            """
import signal
pid = os.fork()
if pid == 0: time.sleep(5); os._exit(0)
if call('ptrace', 0x4206, pid, 0, 0) == 0: win()
os.kill(pid, signal.SIGKILL)
""",
        ),
        succeeds("has itself traced", "libc.ptrace(0, 0, 0, 0)"),
        syscall(
            "writes to its child's memory",
            """
import signal, struct
word = ctypes.create_string_buffer(b'before', 8)
pid = os.fork()
if pid == 0: time.sleep(5); os._exit(0)
other = ctypes.create_string_buffer(b'after', 8)
vector = lambda b: ctypes.create_string_buffer(struct.pack('QQ', ctypes.addressof(b), 8))
if call('process_vm_writev', pid, vector(other), 1, vector(word), 1, 0) == 8: win()
os.kill(pid, signal.SIGKILL)
""",
        ),
        syscall(
            "copies a descriptor from its child",
            """
pid = os.fork()
if pid == 0: time.sleep(2); os._exit(0)
fd = call('pidfd_getfd', os.pidfd_open(pid), 0, 0)
if fd >= 0: win()
os.kill(pid, 9)
""",
        ),
        succeeds("compares resources of processes", "call('kcmp', os.getpid(), os.getpid(), 0, 0, 1)"),
        syscall(
            "advises on another process's memory",
            """
import struct
pid = os.fork()
if pid == 0: time.sleep(2); os._exit(0)
vector = ctypes.create_string_buffer(struct.pack('QQ', id(V) & ~4095, 4096))
if call('process_madvise', os.pidfd_open(pid), vector, 1, 20, 0) >= 0: win()
os.kill(pid, 9)
""",
            "the kernel may be built without it",
        ),
        syscall(
            "limits its child",
            """
import resource
pid = os.fork()
if pid == 0: time.sleep(2); os._exit(0)
resource.prlimit(pid, resource.RLIMIT_NOFILE); win()
""",
        ),
        # ---- interfaces with a history of holes
        syscall(
            "makes a BPF map",
            """
import struct
attributes = ctypes.create_string_buffer(struct.pack('IIII', 2, 4, 8, 1), 72)
if call('bpf', 0, attributes, 72) >= 0: win()
""",
            privileged=True,
        ),
        syscall(
            "counts performance events",
            """
import struct
attributes = ctypes.create_string_buffer(struct.pack('IIQQQQQ', 1, 112, 0, 0, 0, 0, 0b1100001), 112)
if call('perf_event_open', attributes, 0, -1, -1, 0) >= 0: win()
""",
            "many hosts and virtual machines have none",
        ),
        succeeds("handles its own page faults", "call(323 if V['machine'] == 'x86_64' else 282, 1)"),
        syscall(
            "makes an io_uring",
            "if call('io_uring_setup', 1, ctypes.create_string_buffer(120)) >= 0: win()",
            "many hosts switch it off for everybody",
        ),
        succeeds(
            "puts a key into the kernel's keyring",
            "call('add_key', b'user', b'evil', b'x', 1, -2)",
            "a kernel may be built without keys",
        ),
        succeeds("asks for its keyrings", "call('keyctl', 0, -3, 1)", "a kernel may be built without keys"),
        succeeds("asks what filters there may be", "call('seccomp', 2, 0, ctypes.byref(ctypes.c_uint32(0x7FFF0000)))"),
        syscall(
            "takes a handle of a file",
            r"""
handle = ctypes.create_string_buffer(b'\x80\0\0\0', 136)
if call('name_to_handle_at', -100, b'/', handle, ctypes.byref(ctypes.c_int()), 0) == 0: win()
""",
            "a file system may have none",
        ),
        succeeds("watches files with inotify", "libc.inotify_init()"),
        succeeds("watches files with fanotify", "call('fanotify_init', 0, 0)", privileged=True),
        succeeds(
            "makes an asynchronous I/O context",
            "call(206 if V['machine'] == 'x86_64' else 0, 4, ctypes.byref(ctypes.c_ulong(0)))",
            "a kernel may be built without it",
        ),
        succeeds(
            "moves its own pages between nodes",
            "call(256 if V['machine'] == 'x86_64' else 238, 0, 8, ctypes.byref(ctypes.c_ulong(1)), ctypes.byref(ctypes.c_ulong(1)))",
            "a kernel may be built without it",
        ),
        succeeds("locks memory of its own kind", "call('memfd_secret', 0)", "a kernel may be built without it"),
        succeeds(
            "reads a clock that only the kernel sets", "call(1000)", "no such call: the number stands for those to come"
        ),
        # ---- memory that nothing counts, programs without a file
        succeeds("makes a file in memory", "libc.memfd_create(b'x', 0)"),
        syscall(
            "runs a program that is no file",
            """
fd = libc.memfd_create(b'program', 0)
if fd >= 0:
    os.write(fd, b'#!/bin/sh\\necho SUCCESS\\n')
    os.execve(fd, ['x'], {})
""",
        ),
        succeeds("maps shared memory that has no file", "(libc.mmap(None, 4096, 3, 0x21, -1, 0) != FAILED) - 1"),
        succeeds(
            "maps memory that grows like a stack, which the limit on data does not count",
            "(libc.mmap(None, 4096, 3, 0x122, -1, 0) != FAILED) - 1",
        ),
        syscall(
            "takes huge pages, which the operator set aside for others",
            "libc.mmap(None, 1 << 21, 3, 0x40022, -1, 0)\nif ctypes.get_errno() != 1: win(ctypes.get_errno())",
            "it would take them",
        ),
        succeeds(
            "maps the devices that are memory",
            "(libc.mmap(None, 4096, 3, 1, os.open('/dev/zero', os.O_RDWR), 0) != FAILED) - 1",
        ),
        succeeds(
            "locks memory",
            "libc.mlock(libc.mmap(None, 1 << 20, 3, 0x22, -1, 0), 1 << 20)",
            "who may is a limit of the host's",
        ),
        succeeds("makes shared memory by SysV", "libc.shmget(0, 4096, 0o1600)", "it would outlive the test"),
        succeeds(
            "makes a message queue",
            "libc.mq_open(f\"/evil-{V['name']}\".encode(), 0o102, 0o600, None)",
            "it would outlive the test",
        ),
        syscall(
            "enlarges a pipe",
            """
import fcntl
r, w = os.pipe()
fcntl.fcntl(w, 1031, 1 << 20) and win()
""",
        ),
        syscall(
            "puts an attribute on its file",
            "open('x', 'w').close(); os.setxattr('x', 'user.x', b'y'); win()",
            "a file system may have none",
        ),
        # ---- privileges
        succeeds("becomes root", "(lambda: -1 if os.setresuid(0, 0, 0) else 0)()", privileged=True),
        succeeds("becomes another user", "call('setuid', 12345)", privileged=True),
        succeeds("changes its groups", "call('setgroups', 0, 0)", privileged=True),
        syscall(
            "raises its capabilities",
            """
import struct
header = ctypes.create_string_buffer(struct.pack('Ii', 0x20080522, 0))
data = ctypes.create_string_buffer(24)
if libc.capget(header, data) == 0 and any(data.raw): win(data.raw)
if libc.capset(header, ctypes.create_string_buffer(struct.pack('6I', 1, 1, 1, 0, 0, 0))) == 0: win()
""",
            privileged=True,
        ),
        syscall(
            "runs a program with another user's rights",
            """
import subprocess
for path in ('/bin/su', '/usr/bin/su', '/usr/bin/sudo', '/bin/mount', '/usr/bin/passwd'):
    try: subprocess.run([path, '--version'], capture_output=True).returncode >= 0 and win(path)
    except OSError: pass
""",
            "whether there is one depends on the machine",
        ),
        syscall(
            "has a program run without the promise of no new privileges",
            "if not re.search(rb'NoNewPrivs:\\s*1', read('/proc/self/status')): win()",
        ),
        syscall("runs without a filter", "if not re.search(rb'Seccomp:\\s*2', read('/proc/self/status')): win()"),
        syscall(
            "raises its own limits",
            """
import resource
for name in ('DATA', 'NPROC', 'NOFILE', 'FSIZE', 'STACK', 'CORE', 'MEMLOCK', 'NICE', 'RTPRIO', 'SIGPENDING', 'MSGQUEUE'):
    which = getattr(resource, f'RLIMIT_{name}', None)
    try: resource.setrlimit(which, (1 << 40, 1 << 40)); win(name)
    except (ValueError, OSError, TypeError): pass
""",
        ),
        syscall(
            "has its crash seen by a program that the kernel starts on the host",
            "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0)); win()",
        ),
        syscall(
            "raises its own priority",
            "before = os.getpriority(os.PRIO_PROCESS, 0); os.setpriority(os.PRIO_PROCESS, 0, before - 5); win()",
            privileged=True,
        ),
        syscall(
            "runs before all others", "os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)); win()", privileged=True
        ),
        syscall(
            "goes first at the disk",
            "if call(251 if V['machine'] == 'x86_64' else 30, 1, 0, 1 << 13) == 0: win()",
            privileged=True,
        ),
        syscall(
            "leaves its session",
            """
pid = os.fork()
if pid == 0:
    os.setsid(); win(); os._exit(0)
os.waitpid(pid, 0)
""",
        ),
        syscall("switches address randomisation off", "if call('personality', 0x0040000) >= 0: win()"),
        syscall(
            "writes a descriptor table of its own",
            """
import struct
entry = ctypes.create_string_buffer(struct.pack('4I', 0, 0, 0xFFFFF, 0x51))
if call('modify_ldt', 1, entry, 16) == 0: win()
""",
            INTEL,
        ),
        succeeds("drives hardware", "call('ioperm', 0x80, 1, 1)", INTEL),
        succeeds("reads the kernel's log", "call('syslog', 10, 0, 0)", privileged=True),
        syscall(
            "reads quotas",
            "if call('quotactl', 0x800001 << 8, 0, 0, 0) == 0: win()",
            "a kernel may be built without quotas",
        ),
        allowed("switches accounting off", "call('acct', 0)"),
        allowed("reboots", "call('reboot', 0xfee1dead, 672274793, 0x89abcdef, 0)"),
        allowed("loads a module", "call('init_module', 0, 0, b'')"),
        allowed("loads a kernel", "call('kexec_load', 0, 0, 0, 0)"),
        allowed("swaps to a file", "call('swapon', b'x', 0)"),
        allowed("sets the clock", "call('clock_settime', 0, 0)"),
        allowed("adjusts the clock", "call('adjtimex', 0)"),
        allowed("hangs up the terminal", "call('vhangup')"),
        # ---- past the filter
        syscall(
            "makes a 32-bit system call",
            INT80 + "if V['machine'] == 'x86_64' and int80(20) == os.getpid(): win()",
            f"{INTEL}, and the kernel may be built without 32-bit calls",
        ),
        syscall(
            "makes a 32-bit call that is another one in 64 bits",
            INT80 + "if V['machine'] == 'x86_64' and int80(60, 0o22) >= 0: win()",
            f"{INTEL}, and the kernel may be built without 32-bit calls",
        ),
        succeeds("makes a call of the x32 kind", "call(0x40000000 | 39)", "kernels are mostly built without it"),
        succeeds("makes a call that only x32 has", "call(0x40000000 | 519)", "kernels are mostly built without it"),
        succeeds(
            "makes a call with bits above its number",
            "libc.syscall(ctypes.c_long((1 << 32) | V['numbers']['inotify_init1']), 0)",
        ),
        succeeds("goes through the C library's restart", "call('restart_syscall')", "it restarts what was interrupted"),
        syscall(
            "jumps to the old page of system calls",
            """
if V['machine'] == 'x86_64' and b'vsyscall' in read('/proc/self/maps') and False: win()
pid = os.fork()
if pid == 0:
    seconds = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(0xFFFFFFFFFF600400)(None)
    os._exit(0)
os.waitpid(pid, 0)
""",
            "it only tells the time; it must not end the sandbox's host",
        ),
        syscall(
            "asks a child without Python to make the call",
            """
import subprocess
code = "import ctypes; raise SystemExit(ctypes.CDLL(None).inotify_init() < 0)"
if subprocess.run([sys.executable, '-c', code]).returncode == 0: win()
""",
        ),
        syscall(
            "makes the call in a thread, and after exec",
            """
import threading
def attempt():
    if libc.inotify_init() >= 0: win('thread')
thread = threading.Thread(target=attempt); thread.start(); thread.join()
os.execv(sys.executable, [sys.executable, '-c', "import ctypes; ctypes.CDLL(None).inotify_init() >= 0 and print('SUCCESS exec')"])
""",
        ),
        syscall(
            "passes a descriptor to another process, which is counted for all of its user's",
            "import socket\na, b = socket.socketpair(); socket.send_fds(a, [b'x'], [0]); win()",
        ),
    ],
)
