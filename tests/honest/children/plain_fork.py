import os
import signal
import sys

sys.stdout.flush()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        out.write("from the child")
    os._exit(7)
os.close(writer)
with os.fdopen(reader) as source:
    print(source.read())
pid, status = os.waitpid(child, 0)
print(pid == child, os.waitstatus_to_exitcode(status), os.WIFEXITED(status), os.WEXITSTATUS(status))

signal.signal(signal.SIGCHLD, lambda number, frame: print("a child ended", flush=True))
sys.stdout.flush()
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(9))
    while True:
        signal.pause()
while True:
    os.kill(child, signal.SIGTERM)
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
        break
print(os.waitstatus_to_exitcode(status) in (9, -signal.SIGTERM))
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
try:
    os.wait()
except ChildProcessError as error:
    print(error)
sys.stdout.flush()
pids = [os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", f"import sys; sys.exit({n})"]) for n in (0, 5)]
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
spawned = os.posix_spawn(sys.executable, [sys.executable, "-c", "raise SystemExit(6)"], os.environ)
print(os.waitid(os.P_PID, spawned, os.WEXITED).si_status)
