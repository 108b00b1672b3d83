"""Promise: code sees no network of the host: no interface, no loopback service, no named socket."""

from .attack import NATIVE, Attack, table

# 32-bit calls have numbers of their own: a filter that looks at numbers only takes socketcall for something else.
INT80 = (
    NATIVE
    + """
def int80(number, a=0, b=0, c=0):
    code = b'\\x53\\xb8' + number.to_bytes(4, 'little') + b'\\xbb' + a.to_bytes(4, 'little') + b'\\xb9' + b.to_bytes(4, 'little') + b'\\xba' + c.to_bytes(4, 'little') + b'\\xcd\\x80\\x5b\\x48\\x98\\xc3'
    memory = libc.mmap(None, 4096, 7, 0x22, -1, 0)
    ctypes.memmove(memory, code, len(code))
    return ctypes.CFUNCTYPE(ctypes.c_long)(memory)()
"""
)
INTEL = "machine code of x86_64"


def network(name: str, code: str, bites: bool | str = True, **options: object) -> Attack:
    return Attack(name, "network", code, bites, **options)  # type: ignore[arg-type]


def makes(name: str, socket_arguments: str, bites: bool | str = True, **options: object) -> Attack:
    """A kind of socket that must not exist."""
    code = f"""
import socket
try:
    socket.socket({socket_arguments})
    win()
except OSError:
    pass
"""
    return network(name, code, bites, **options)


ATTACKS = table(
    "network",
    [
        network(
            "connects to a service on loopback",
            "import socket\nsocket.create_connection(V['tcp'], 2).send(b'x'); win()",
        ),
        network(
            "sends a datagram to a service on loopback",
            """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', tuple(V['udp'])); win()
""",
        ),
        network(
            "opens a connection without connect: TCP fast open",
            """
import socket
s = socket.socket()
try: s.sendto(b'x', 0x20000000, tuple(V['tcp']))
except BlockingIOError: pass
s.getpeername() and win()
""",
        ),
        network(
            "connects by multipath TCP",
            """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); s.connect(tuple(V['tcp'])); win()
""",
            "a kernel may be built without it",
        ),
        network(
            "connects through asyncio",
            """
import asyncio
async def main():
    await asyncio.open_connection(*V['tcp']); win()
asyncio.run(main())
""",
        ),
        network(
            "fetches a page from loopback",
            """
import urllib.request
try: urllib.request.urlopen(f"http://{V['tcp'][0]}:{V['tcp'][1]}/", timeout=1)
except TimeoutError: win()
""",
        ),
        network(
            "connects to a socket in the file system",
            "import socket\nsocket.socket(socket.AF_UNIX).connect(V['unix']); win()",
        ),
        network(
            "sends a datagram to a socket in the file system",
            """
import socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', V['unix_datagram']); win()
""",
        ),
        network(
            "connects to an abstract socket",
            "import socket\nsocket.socket(socket.AF_UNIX).connect(V['abstract']); win()",
        ),
        network(
            "sends a datagram to an abstract socket",
            """
import socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', V['abstract_datagram']); win()
""",
        ),
        network(
            "sends a datagram to an address from one end of a pair",
            """
import socket
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
    for address in (V['unix_datagram'], V['abstract_datagram']):
        try: socket.socketpair(socket.AF_UNIX, kind)[0].sendto(b'x', address) and kind in (2, 3) and win(kind)
        except OSError: pass
""",
        ),
        network(
            "makes a pair of raw sockets, which are datagram sockets",
            """
import socket
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)
if a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM: win()
""",
        ),
        network(
            "connects one end of a pair anew",
            """
import socket
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.connect(V['unix_datagram']); a.send(b'x'); win()
""",
        ),
        network(
            "gives one end of a pair a name",
            """
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
    try: socket.socketpair(socket.AF_UNIX, kind)[0].bind('\\0' + V['name'] + '-evil'); win(kind)
    except OSError: pass
""",
        ),
        network(
            "offers a service to the host",
            """
import socket
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); socket.create_connection(s.getsockname()); win()
""",
        ),
        network(
            "offers a service under an abstract name",
            "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0evil' + V['name']); s.listen(); win()",
        ),
        network(
            "offers a service in the file system",
            """
import socket
s = socket.socket(socket.AF_UNIX); s.bind('evil'); s.listen(); win(); os.unlink('evil')
""",
        ),
        network(
            "connects through sockets that it inherited",
            """
import socket
for fd in range(3, 1024):
    try: s = socket.socket(fileno=os.dup(fd))
    except OSError: continue
    for address in (V['unix_datagram'], V['unix'], V['abstract'], tuple(V['tcp'])):
        try: s.connect(address); win(fd)
        except (OSError, TypeError): pass
s = socket.socket(); s.connect(tuple(V['tcp'])); win()
""",
        ),
        makes("makes a TCP socket", "socket.AF_INET, socket.SOCK_STREAM"),
        makes("makes an IPv6 socket", "10, socket.SOCK_DGRAM", "a kernel may be built without it"),
        makes("makes a raw IP socket", "socket.AF_INET, socket.SOCK_RAW, 1", privileged=True),
        makes("makes a ping socket", "socket.AF_INET, socket.SOCK_DGRAM, 1", "who may is a setting of the host's"),
        makes("makes a netlink socket", "16, socket.SOCK_RAW, 0"),
        makes("makes a packet socket", "17, socket.SOCK_RAW, 768", "a kernel may be built without it"),
        makes("makes a socket to the hypervisor", "40, socket.SOCK_STREAM", "a kernel may be built without it"),
        makes("makes a socket to the kernel's crypto", "38, 5, 0", "a kernel may be built without it"),
        makes("makes a Unix socket of each kind", "socket.AF_UNIX, socket.SOCK_SEQPACKET"),
        network(
            "lists the interfaces and asks for their addresses",
            """
import fcntl, socket
if len(socket.if_nameindex()) > 1: win(socket.if_nameindex())
for line in read('/proc/self/net/dev').decode().splitlines()[2:]:
    if not line.split()[0].startswith('lo') or int(line.split()[1]): win(line)
""",
        ),
        network(
            "reads tables of the host's connections",
            """
port = '%04X' % V['tcp'][1]
for name in ('tcp', 'udp', 'unix', 'route', 'arp', 'netlink'):
    text = read(f'/proc/self/net/{name}').decode() + read(f'/proc/net/{name}').decode()
    if port in text or V['name'] in text: win(name)
""",
        ),
        network(
            "enters the host's network namespace",
            NATIVE
            + """
for pid in (1, os.getppid(), V['host_pid'], 'self'):
    try: fd = os.open(f'/proc/{pid}/ns/net', os.O_RDONLY)
    except OSError: continue
    if libc.setns(fd, 0x40000000) == 0: win(pid)
""",
            privileged=True,
        ),
        network(
            "makes a socket by a 32-bit system call",
            INT80
            + """
if V['machine'] == 'x86_64':
    fd = int80(359, 2, 1, 0)
    fd >= 0 and win(fd)
""",
            f"{INTEL}, and the kernel may be built without 32-bit calls",
        ),
        network(
            "makes a socket by a system call of the x32 kind",
            NATIVE + "fd = call(0x40000000 | 41, 2, 1, 0)\nif fd >= 0: win()",
            "kernels are mostly built without it",
        ),
        network(
            "makes a socket through io_uring",
            NATIVE
            + """
parameters = ctypes.create_string_buffer(120)
ring = call('io_uring_setup', 4, parameters)
if ring >= 0: win()
""",
            "many hosts switch it off for everybody",
        ),
        network(
            "has a program of the host connect",
            """
import subprocess
code = "import socket; socket.create_connection(%r).send(b'x')" % (tuple(V['tcp']),)
for command in ([sys.executable, '-c', code], ['bash', '-c', 'exec 3<>/dev/tcp/%s/%d' % tuple(V['tcp'])]):
    try: subprocess.run(command, capture_output=True, timeout=5).returncode == 0 and win(command[0])
    except OSError: pass
""",
        ),
        network(
            "installs a filter program on a socket, which the kernel translates to machine code",
            NATIVE
            + """
import socket, struct
program = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0xFFFFFFFF))
header = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', 1, ctypes.addressof(program)))
a, b = socket.socketpair()
if libc.setsockopt(a.fileno(), 1, 26, header, 16) == 0: win()
""",
        ),
    ],
)
