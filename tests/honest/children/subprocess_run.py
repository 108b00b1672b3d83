import os
import subprocess
import sys

reverse = [sys.executable, "-c", "print(input()[::-1])"]
done = subprocess.run(reverse, input="stressed", capture_output=True, text=True, check=True)
print(done.stdout, done.returncode, done.stderr)
try:
    subprocess.run([sys.executable, "-c", "import sys; print('half'); sys.exit(3)"], check=True, capture_output=True)
except subprocess.CalledProcessError as error:
    print(error.returncode, error.output)
failed = subprocess.run([sys.executable, "-c", "1/0"], capture_output=True, text=True)
print(failed.stderr.splitlines()[-1], failed.returncode)
try:
    subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
except subprocess.TimeoutExpired:
    print("timed out")
try:
    subprocess.run(["no-such-program"])
except FileNotFoundError as error:
    print(error)
with open("script.py", "w") as file:
    file.write("import os, sys\nprint(sys.argv[1:], os.environ['COLOUR'], os.path.basename(os.getcwd()), __name__)\n")
os.mkdir("sub")
environment = {**os.environ, "COLOUR": "blue"}
print(subprocess.check_output([sys.executable, "../script.py", "a b"], cwd="sub", env=environment, text=True))
with open("out.txt", "w") as out:
    subprocess.call([sys.executable, "-c", "print('into a file')"], stdout=out)
print(open("out.txt").read(), end="")
code = "import numpy as np; print(np.arange(3).sum())"
print(subprocess.check_output([sys.executable, "-c", code]))
print(subprocess.run([sys.executable, "-m", "json.tool"], input='{"a": [1]}', capture_output=True, text=True).stdout)
