import os
import select
import selectors
import socket
import threading

left, right = socket.socketpair()
left.sendall(b"ping")
print(right.recv(10), left.fileno() != right.fileno(), left.family.name, left.gettimeout())
selector = selectors.DefaultSelector()
for peer in (left, right):
    peer.setblocking(False)
    selector.register(peer, selectors.EVENT_READ, data="left" if peer is left else "right")
right.send(b"to the left")
for key, _ in selector.select(timeout=5):
    print(key.data, key.fileobj.recv(100))
print(selector.select(timeout=0), type(selector).__name__)
selector.close()


def echo():
    right.setblocking(True)
    with right, right.makefile("rwb") as stream:
        for line in stream:
            stream.write(line.upper())
            stream.flush()


thread = threading.Thread(target=echo)
thread.start()
left.setblocking(True)
left.sendall(b"one\ntwo\n")
left.shutdown(socket.SHUT_WR)
received = b""
while chunk := left.recv(100):
    received += chunk
thread.join()
left.close()
print(received)
reader, writer = os.pipe()
poll = select.poll()
poll.register(reader, select.POLLIN)
os.write(writer, b"x")
print(poll.poll(1000)[0][1] == select.POLLIN, os.read(reader, 1), select.select([reader], [writer], [], 0)[1] == [writer])
print(socket.inet_aton("127.0.0.1"), socket.htons(1), socket.gethostname() != "")
