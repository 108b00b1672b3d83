import getpass
import shutil
import sys

try:
    name = input("name? ")
except EOFError:
    name = "nobody"
    print()
print("hello", name, [line for line in sys.stdin], sys.stdin.isatty(), repr(sys.stdin.read()))
print(sys.stdin.encoding, sys.stdin.name, sys.stdout.name, sys.stderr.name)
print(sys.stdout.mode, sys.stdout.fileno(), sys.stdin.fileno())
print(shutil.get_terminal_size(), sys.stdout.writable(), sys.stdout.readable(), sys.stdout.closed, sys.stdin)
print(bool(getpass.getuser()), sys.flags.optimize, sys.byteorder, sys.maxsize, sys.implementation.name, sys.version_info[:2])
for i in range(3):
    print(f"\rprogress {i}", end="", flush=True)
print()
sys.stdout.writelines(["a\n", "b\n"])
print("to stderr", file=sys.stderr, flush=True)
sys.stdout.reconfigure(line_buffering=False)
print("reconfigured", sys.stdout.line_buffering)
try:
    import readline  # noqa: F401
except ImportError:
    pass
exit()
