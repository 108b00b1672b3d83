"""Promise: code sees no file of the host but Python, the approved packages and the C libraries, all read-only."""

from .attack import LOCKS, NATIVE, Attack, table

# A library that others import too: the operator's own outside, one of the sandbox's packages inside.
LIBRARY = """
library = V['library']
if V['inside']:
    import numpy
    library = numpy.__file__
"""


def host_file(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "host files", code, bites, **options)  # type: ignore[arg-type]


ATTACKS = table(
    "host files",
    [
        # ---- reading
        host_file("reads the operator's private files by their paths", "any([found(read(p)) for p in V['files']])"),
        host_file(
            "reads the operator's public files by their paths",
            "any([found(read(p)) for p in V['files'] if 'public' in p])",
        ),
        host_file(
            "climbs out of the working directory", "for p in V['files']:\n    if found(read('../' * 40 + p[1:])): break"
        ),
        host_file(
            "goes through the root of its own process",
            """
for p in V['files']:
  for root in ('/proc/self/root', '/proc/thread-self/root', '/proc/1/root'):
    found(read(root + p))
""",
        ),
        host_file(
            "goes through the host's process in /proc",
            """
for p in V['files']:
  for link in ('root', 'cwd/' + '../' * 30):
    for pid in (V['host_pid'], V['pid'], os.getppid()):
      found(read(f'/proc/{pid}/{link}{p}'))
""",
        ),
        host_file(
            "reads through a symlink that it makes",
            """
for n, p in enumerate(V['files']):
    os.symlink(p, f'l{n}'); found(read(f'l{n}')); os.unlink(f'l{n}')
""",
        ),
        host_file(
            "makes a hard link to a private file",
            """
for n, p in enumerate(V['files']):
  try:
    os.link(p, f'h{n}'); found(read(f'h{n}'))
  except OSError: pass
for n in os.listdir('.'): os.unlink(n)
""",
        ),
        host_file(
            "opens beneath every directory it has a descriptor of",
            """
for fd in range(1024):
  for p in V['files']:
    try: f = os.open('../' * 40 + p[1:], os.O_RDONLY, dir_fd=fd)
    except OSError: continue
    found(os.read(f, 999)); os.close(f)
""",
        ),
        host_file(
            "looks for the file's name from every root there is",
            """
import pathlib
name = V['name']
for root in ('/tmp', '/var/tmp', '/dev/shm', '/home', '/root', '/mnt', '/srv', '/run', os.path.expanduser('~'), '/proc/self/cwd', '/space', '/newroot', '/old', '/host', '/rootfs'):
    for kind in ('private.txt', 'public.txt'): found(read(f'{root}/{name}/{kind}'))
""",
        ),
        host_file(
            "opens a file by its handle",
            NATIVE
            + """
import struct
for p in V['files']:
    handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0), 136); mount = ctypes.c_int()
    if call('name_to_handle_at', -100, p.encode(), handle, ctypes.byref(mount), 0) < 0: continue
    at = os.open(os.path.dirname(p), os.O_RDONLY)
    fd = call('open_by_handle_at', at, handle, 0)
    if fd >= 0: found(os.read(fd, 999))
""",
            privileged=True,
        ),
        host_file(
            "guesses handles of the disk's first inodes",
            NATIVE
            + """
import struct
for at in ('/', '/usr/lib', os.path.dirname(os.__file__)):
    fd = os.open(at, os.O_RDONLY)
    for inode in range(2, 3):
        handle = ctypes.create_string_buffer(struct.pack('IiIII', 8, 1, inode, 0, 0), 136)
        got = call('open_by_handle_at', fd, handle, os.O_DIRECTORY)
        if got >= 0: win(os.listdir(got))
""",
            privileged=True,
        ),
        host_file(
            "clones the tree where the files are",
            NATIVE
            + """
for p in V['files'] + ['/']:
    fd = call('open_tree', -100, p.encode(), 1)
    if fd >= 0: win(p)
""",
            privileged=True,
        ),
        host_file(
            "binds a host directory into its own",
            NATIVE
            + """
os.mkdir('m')
if libc.mount(V['directory'].encode(), b'm', None, 0x1000, None) == 0:
    found(read('m/private.txt')); libc.umount2(b'm', 2)
""",
            privileged=True,
        ),
        host_file(
            "leaves a chroot by the classic way",
            NATIVE
            + """
os.mkdir('c'); here = os.open('.', os.O_RDONLY)
if libc.chroot(b'c') == 0:
    os.fchdir(here)
    for _ in range(64): os.chdir('..')
    if libc.chroot(b'.') == 0: win(); [found(read(p)) for p in V['files']]
""",
            privileged=True,
        ),
        host_file(
            "reads the disk itself through a node that it makes",
            """
device = os.stat(os.__file__ if V['inside'] else V['files'][0]).st_dev
try:
    os.mknod('disk', 0o60600, device)
    if len(os.read(os.open('disk', os.O_RDONLY), 4096)) == 4096: win()
finally:
    os.path.exists('disk') and os.unlink('disk')
""",
            "a machine may keep even root from its disk",
        ),
        host_file(
            "opens a device",
            """
import glob, stat
harmless = {'null', 'full', 'random', 'urandom', 'stdin', 'stdout', 'stderr'}
for path in [*glob.glob('/dev/*'), '/dev/net/tun', '/dev/mapper/control', '/dev/fuse', '/dev/kvm', '/dev/ptmx', '/dev/zero', '/dev/tty', '/dev/mem', '/dev/kmsg']:
    try:
        if os.path.basename(path) in harmless or not stat.S_ISCHR(os.stat(path).st_mode) | stat.S_ISBLK(os.stat(path).st_mode): continue
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)); win(path); break
    except OSError: pass
""",
        ),
        host_file(
            "reads what tells which machine this is",
            """
for path in ('/etc/machine-id', '/etc/hostname', '/etc/os-release', '/etc/resolv.conf', '/proc/sys/kernel/random/boot_id', '/proc/version', '/proc/cmdline', '/sys/class/dmi/id/product_name', '/proc/meminfo', '/proc/cpuinfo', '/proc/modules', '/proc/kallsyms', '/proc/config.gz', '/var/log/dpkg.log', '/proc/interrupts', '/proc/stat', '/proc/loadavg', '/proc/diskstats', '/proc/1/sched_debug'):
    if read(path): win(path)
""",
        ),
        host_file(
            "lists the accounts of the host",
            "import pwd\nif len(pwd.getpwall()) > 3: win([p.pw_name for p in pwd.getpwall()])",
        ),
        host_file(
            "looks into directories of the system",
            """
for path in ('/sys', '/sys/kernel', '/sys/fs/cgroup', '/run', '/var/log', '/var/lib', '/boot', '/root', '/home', '/opt', '/srv', '/usr/local/lib', '/usr/share/doc', '/usr/bin', '/bin', '/sbin', '/proc/sys', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/driver'):
    try:
        if os.listdir(path): win(path)
    except OSError: pass
""",
        ),
        host_file(
            "reads the bot's own source and the project around it",
            """
for name in ('README.md', 'pyproject.toml', 'plugin/interpreter.py', 'plugin/sandbox/keeper.py'):
    if read(f"{V['checkout']}/{name}"): win(name)
""",
        ),
        host_file(
            "imports a package of the operator's that is not approved",
            """
import importlib.util
for name in ('pytest', 'pydantic', 'platformdirs', 'typer', 'filelock', 'plugin'):
    spec = importlib.util.find_spec(name)
    if spec and spec.origin: win(spec.origin)
""",
        ),
        host_file(
            "reads another user's file by its path and its id",
            """
found(read(V.get('foreign_path', V['files'][0])))
for name in (V.get('foreign_file', ''), '../../private.txt', V['files'][0], V.get('foreign_path', '')):
    try: found(load_file(name))
    except Exception: pass
""",
        ),
        host_file(
            "asks load_file for paths",
            r"""
for p in V['files']:
  for name in (p, '../' * 30 + p[1:], p + '\0', '/proc/self/root' + p):
    try: found(load_file(name))
    except Exception: pass
""",
        ),
        host_file(
            "reads the interpreter's database and stored files",
            """
for path in ('cellblock.sqlite3', 'venv/cellblock.json', 'venv.lock', 'content'):
    path = f"{V['home']}/{path}"
    try:
        if os.path.isdir(path) and os.listdir(path) or read(path): win(path)
    except OSError: pass
""",
            "only a data directory has these; outside there is none",
        ),
        host_file(
            "reads a file of its own working directory's file system that it never made",
            """
import stat
here = os.stat('.')
for up in ('..', '../..', '../../..'):
    try:
        for name in os.listdir(up):
            s = os.lstat(f'{up}/{name}')
            if s.st_dev == here.st_dev and stat.S_ISREG(s.st_mode) and s.st_ino != here.st_ino: win(name)
    except OSError: pass
""",
            "what lies beside a directory depends on the machine",
        ),
        host_file(
            "reads an attribute of a file of the operator's",
            "for p in V['files']:\n  for name in ('user.origin', 'security.selinux', 'system.posix_acl_access'):\n    try: found(os.getxattr(p, name)); os.listxattr(p) and win(p)\n    except OSError: pass",
        ),
        host_file(
            "reads where a link of the operator's leads",
            "found(os.readlink(V['directory'] + '/link'))",
            not_promised=("landlock", "landlock does not keep code from reading a link whose path is known"),
        ),
        host_file(
            "reads the host's table of mounts",
            "for name in ('mountinfo', 'mounts', 'mountstats'):\n    for place in (b' /sys ', b' /run ', b' /dev/pts ', b' /dev/shm ', b' /boot '):\n        if place in read(f'/proc/self/{name}'): win(place)",
        ),
        host_file(
            "makes a hard link to a library, and writes to that",
            LIBRARY
            + """
for path in (library, os.__file__, sys.executable):
    try:
        os.link(path, 'mine')
        with open('mine', 'r+b') as file: file.write(file.read(1)[:0]); win(path)
    except OSError: pass
    os.path.lexists('mine') and os.unlink('mine')
""",
        ),
        # ---- changing
        host_file(
            "appends to a file of the operator's",
            """
for p in V['files']:
  try:
    size = os.stat(p).st_size; open(p, 'a').write('x'); os.stat(p).st_size > size and win(p)
  except OSError: pass
""",
        ),
        host_file(
            "truncates a file of the operator's",
            """
for p in V['files']:
  try: os.truncate(p, 0); win(p)
  except OSError: pass
""",
        ),
        host_file(
            "deletes a file of the operator's",
            """
for p in V['files']:
  try: os.unlink(p); win(p)
  except OSError: pass
""",
        ),
        host_file(
            "renames a file of the operator's",
            """
for p in V['files']:
  try: os.rename(p, p + '.gone'); win(p)
  except OSError: pass
""",
        ),
        host_file(
            "changes the mode of a file of the operator's",
            """
for p in V['files']:
  try: os.chmod(p, 0o777); os.stat(p).st_mode & 0o777 == 0o777 and win(p)
  except OSError: pass
""",
        ),
        host_file(
            "changes the times of a file of the operator's",
            """
for p in V['files']:
  try: os.utime(p, (1, 1)); os.stat(p).st_mtime == 1 and win(p)
  except OSError: pass
""",
        ),
        host_file(
            "gives a file of the operator's to somebody else",
            """
for p in V['files']:
  try: os.chown(p, 12345, 12345); os.stat(p).st_uid == 12345 and win(p)
  except OSError: pass
""",
            privileged=True,
        ),
        host_file(
            "sets an attribute on a file of the operator's",
            """
for p in V['files']:
  try: os.setxattr(p, 'user.mark', b'x'); os.getxattr(p, 'user.mark') == b'x' and win(p)
  except OSError: pass
""",
        ),
        host_file(
            "puts a file beside the operator's",
            """
for p in V['files']:
  try: open(p + '.new', 'w').close(); win(p)
  except OSError: pass
""",
        ),
        host_file(
            "writes to a library that others import",
            LIBRARY
            + """
try:
    open(library, 'a').close(); win(library)
except OSError: pass
""",
        ),
        host_file(
            "puts a module beside a library that others import",
            LIBRARY
            + """
directory = os.path.dirname(library)
for name in ('sitecustomize.py', 'evil.pth', '__pycache__/evil.pyc', 'evil.so'):
  try: open(f'{directory}/{name}', 'w').close(); win(name)
  except OSError: pass
""",
        ),
        host_file(
            "changes mode and times of a library that others import",
            LIBRARY
            + """
before = os.stat(library)
for change in (lambda: os.chmod(library, 0o666), lambda: os.utime(library, (1, 1))):
  try: change()
  except OSError: pass
after = os.stat(library)
if (before.st_mode, before.st_mtime) != (after.st_mode, after.st_mtime): win()
""",
        ),
        host_file(
            "sets an attribute on a library that others import",
            LIBRARY
            + """
try: os.setxattr(library, 'user.mark', b'x'); os.getxattr(library, 'user.mark') and win()
except OSError: pass
""",
        ),
        host_file(
            "opens a library for writing through its own descriptor",
            LIBRARY
            + """
fd = os.open(library, os.O_RDONLY)
for flags in (os.O_WRONLY, os.O_RDWR | os.O_TRUNC):
  try: os.open(f'/proc/self/fd/{fd}', flags); win()
  except OSError: pass
""",
        ),
        host_file(
            "maps a library shared and writes to it",
            LIBRARY
            + """
import mmap
try:
    with open(library, 'r+b') as file: mmap.mmap(file.fileno(), 4).__setitem__(0, 35); win()
except OSError: pass
""",
        ),
        host_file(
            "overwrites its own Python",
            """
import shutil, sys
copy = shutil.copy(V['library'], 'python') if not V['inside'] else '/proc/self/exe'
try: os.close(os.open(copy, os.O_WRONLY)); win(copy)
except OSError: pass
""",
        ),
        host_file(
            "mounts its root writable again",
            NATIVE
            + """
os.mkdir('m')
for target, flags in ((b'/', 0x1000 | 0x20), (os.path.dirname(os.__file__).encode(), 0x1000 | 0x20), (b'm', 0)):
    if target == b'm' or V['inside']:
        libc.mount(b'none', target, b'tmpfs', flags, None) == 0 and (win(target), libc.umount2(target, 2))
""",
            privileged=True,
        ),
        host_file(
            "makes a file system by the newer calls",
            NATIVE + "fd = call('fsopen', b'tmpfs', 0)\nif fd >= 0: win()",
            privileged=True,
        ),
        host_file(
            "moves its root away",
            NATIVE
            + """
os.mkdir('m')
if call('unshare', 0x00020000) == 0 and libc.mount(b'none', b'/', None, 0x44000, None) == 0 and libc.mount(b'm', b'm', b'tmpfs', 0, None) == 0:
    os.mkdir('m/old')
    call('pivot_root', b'm', b'm/old') == 0 and win()
""",
            privileged=True,
        ),
        host_file(
            "locks a library so that others wait",
            LIBRARY
            + """
import fcntl
fd = os.open(library, os.O_RDONLY)
try:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    other = os.open(library, os.O_RDONLY)
    try: fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError: win()
except OSError: pass
""",
            not_promised=LOCKS,
        ),
        host_file(
            "takes a lease on a library, so that writers wait",
            LIBRARY
            + """
import fcntl
fd = os.open(library, os.O_RDONLY)
try: fcntl.fcntl(fd, 1024, fcntl.F_RDLCK); win()
except OSError: pass
""",
        ),
        host_file(
            "watches a library with inotify",
            LIBRARY
            + NATIVE
            + """
fd = libc.inotify_init()
if fd >= 0 and libc.inotify_add_watch(fd, library.encode(), 0x20) >= 0: win()
""",
        ),
        host_file(
            "watches a directory with F_NOTIFY",
            LIBRARY
            + """
import fcntl, signal
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(os.path.dirname(library), os.O_RDONLY)
try: fcntl.fcntl(fd, 1026, 1); win()
except OSError: pass
""",
        ),
        host_file(
            "changes the times of a device",
            """
before = os.stat('/dev/null').st_mtime
try: os.utime('/dev/null')
except OSError: pass
if os.stat('/dev/null').st_mtime != before: win()
""",
            not_promised=("landlock", "any user of the machine may touch what any user may write to"),
        ),
        host_file(
            "writes the host's disk cache out",
            NATIVE
            + LIBRARY
            + "import time\n"
            # A flush that is done takes a system call into the file system; one that is not done is answered at once, also
            # for a descriptor that no file system can write out.
            + """
reading, writing = os.pipe()
if call('syncfs', os.open(library, os.O_RDONLY)) == 0 and call('fsync', reading) < 0: win()
""",
        ),
    ],
)
