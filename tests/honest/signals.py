import os
import select
import signal
import time


seen = []


def handler(number, frame):
    print("got", signal.Signals(number).name, frame.f_code.co_name)
    seen.append(number)


signal.signal(signal.SIGALRM, handler)
print(signal.alarm(100), signal.alarm(0))
signal.setitimer(signal.ITIMER_REAL, 0.03)
while not seen:
    time.sleep(0.005)


class Timeout(Exception):
    pass


def give_up(number, frame):
    raise Timeout


signal.signal(signal.SIGALRM, give_up)
signal.setitimer(signal.ITIMER_REAL, 0.03)
try:
    while True:
        time.sleep(1)
except Timeout:
    print("gave up")
signal.signal(signal.SIGUSR1, handler)
os.kill(os.getpid(), signal.SIGUSR1)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGTERM), signal.strsignal(15))
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
signal.raise_signal(signal.SIGUSR2)
print(signal.sigpending(), signal.sigwait({signal.SIGUSR2}), signal.pthread_sigmask(signal.SIG_BLOCK, []))
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
signal.raise_signal(signal.SIGUSR1)
print(select.select([reader], [], [], 5)[0] == [reader], os.read(reader, 1)[0] == signal.SIGUSR1)
signal.set_wakeup_fd(-1)
started = time.perf_counter()
time.sleep(0.02)
print(0.02 <= time.perf_counter() - started < 5)
