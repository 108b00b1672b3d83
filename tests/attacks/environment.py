"""Promise: code sees no environment variable, argument or memory of the host's processes."""

from .attack import NATIVE, PIDS, Attack, table


def environment(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "environment", code, bites, **options)  # type: ignore[arg-type]


ATTACKS = table(
    "environment",
    [
        environment("reads os.environ", "found(str(os.environ)); found(os.environ.get(V['environment_name'], ''))"),
        environment(
            "asks the C library",
            NATIVE
            + """
libc.getenv.restype = ctypes.c_char_p
found(libc.getenv(V['environment_name'].encode()) or b'')
pointers = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')
for n in range(1000):
    if not pointers[n]: break
    found(pointers[n])
""",
        ),
        environment(
            "reads the environment of every process in /proc",
            "for pid in filter(str.isdigit, os.listdir('/proc')): found(read(f'/proc/{pid}/environ'))",
        ),
        environment(
            "reads the environment of the host's processes by their pids",
            "for pid in (V['pid'], V['host_pid'], os.getppid()): found(read(f'/proc/{pid}/environ'))",
        ),
        environment(
            "reads its threads' environment",
            """
import threading
threading.Thread(target=time.sleep, args=(1,)).start()
os.environ['own'] = 'x'
for task in os.listdir('/proc/self/task'): found(read(f'/proc/self/task/{task}/environ'))
found(str(os.environ))
""",
        ),
        environment(
            "reads the arguments of every process in /proc",
            "for pid in filter(str.isdigit, os.listdir('/proc')): found(read(f'/proc/{pid}/cmdline'))",
        ),
        environment(
            "reads names, limits and open files of the host's processes",
            """
for pid in (V['pid'], V['host_pid']):
    for name in ('comm', 'status', 'stat', 'limits', 'cgroup', 'mountinfo', 'io', 'sched', 'wchan'):
        if read(f'/proc/{pid}/{name}'): win(name)
""",
        ),
        environment(
            "reads its own first page of stack, where a program's environment lies",
            """
maps = read('/proc/self/maps').decode()
low, high = [int(x, 16) for x in re.search(r'(\\w+)-(\\w+) .*\\[stack\\]', maps).groups()]
with open('/proc/self/mem', 'rb') as memory:
    memory.seek(low); found(memory.read(high - low))
found(str(os.environ))
""",
        ),
        environment(
            "searches all its memory for what the process was before",
            """
low = V['environment_name'].encode()
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in read('/proc/self/maps').decode().splitlines():
        start, end = (int(x, 16) for x in line.split()[0].split('-'))
        if line.split()[1][0] == 'r' and 'vsyscall' not in line and 'vvar' not in line:
            try:
                memory.seek(start)
                if found(memory.read(min(end - start, 64 << 20))): break
            except (OSError, ValueError, OverflowError): pass
""",
        ),
        environment(
            "searches Python's objects",
            """
import gc
for thing in gc.get_objects():
    if type(thing) in (dict, list, tuple) and len(thing) < 1000:
        try:
            if found(repr(thing)[:5000]): break
        except Exception: pass
""",
        ),
        environment(
            "has a program of the host print it",
            """
import subprocess
for command in (['env'], ['/usr/bin/printenv'], ['/bin/sh', '-c', 'set'], [sys.executable, '-c', 'import os; print(os.environ)']):
    try: found(subprocess.run(command, capture_output=True, timeout=5).stdout)
    except Exception: pass
""",
        ),
        environment(
            "finds in the name of its cgroup how many calls there were",
            """
text = read('/proc/self/cgroup').decode()
if re.search(r'/\\d{1,6}$', text, re.M): win(text)
""",
            "names of cgroups are the operator's to choose",
        ),
        environment(
            "finds the host's name",
            """
import platform, socket
if V['hostname'] in (os.uname().nodename, platform.node(), socket.gethostname()): win(V['hostname'])
""",
            not_promised=("landlock", "there is no host name of its own"),
        ),
        environment(
            "asks for the host's limits, times and session",
            """
for question in (lambda: os.getlogin(), lambda: os.ttyname(0), lambda: os.getsid(V['pid']), lambda: os.getpgid(V['host_pid'])):
    try: win(question())
    except OSError: pass
""",
            not_promised=PIDS,
        ),
    ],
)
