import signal
import sys
from subprocess import DEVNULL, PIPE, STDOUT, Popen

upper = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
count = "import sys; print(len(sys.stdin.read().split()))"

first = Popen([sys.executable, "-c", "print('a b c\\nd e')"], stdout=PIPE)
second = Popen([sys.executable, "-c", count], stdin=first.stdout, stdout=PIPE, text=True)
first.stdout.close()
print(second.communicate()[0].strip(), first.wait(), second.returncode)

with Popen([sys.executable, "-u", "-c", upper], stdin=PIPE, stdout=PIPE, text=True) as talker:
    for word in ("one", "two"):
        talker.stdin.write(word + "\n")
        talker.stdin.flush()
        print(talker.stdout.readline().strip(), talker.poll())
    talker.stdin.close()
print(talker.returncode)
sleeper = Popen([sys.executable, "-c", "import time; time.sleep(60)"])
sleeper.send_signal(signal.SIGTERM)
print(sleeper.wait(timeout=10))
sleeper = Popen([sys.executable, "-c", "import time; time.sleep(60)"])
sleeper.kill()
print(sleeper.wait(), sleeper.args[0] == sys.executable)
much = "import sys; sys.stderr.write('e' * 100000); print('o' * 100000)"
both = Popen([sys.executable, "-c", much], stdout=PIPE, stderr=PIPE)
out, err = both.communicate()
print(len(out), len(err))
quiet = Popen([sys.executable, "-c", "print('unseen')"], stdout=DEVNULL, stderr=STDOUT, process_group=0)
print(quiet.wait())
