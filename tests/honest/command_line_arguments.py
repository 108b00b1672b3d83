import argparse
import getopt
import os
import shlex
import sys

parser = argparse.ArgumentParser(description="Count words.", epilog="That is all.")
parser.add_argument("files", nargs="*", default=["-"])
parser.add_argument("-n", "--number", type=int, default=3, help="how many (default: %(default)s)")
parser.add_argument("--mode", choices=["fast", "slow"], required=False)
parser.add_argument("-v", action="count", default=0)
commands = parser.add_mutually_exclusive_group()
commands.add_argument("--yes", action="store_true")
commands.add_argument("--no", action="store_true")

print(parser.parse_args())
print(parser.parse_args(["a.txt", "b.txt", "-n", "5", "-vv", "--mode", "slow"]))
print(parser.parse_args(shlex.split("'my file.txt' --yes")), parser.parse_known_args(["--other"])[1])
parser.print_help()
for wrong in (["-n", "x"], ["--yes", "--no"], ["--mode", "odd"]):
    try:
        parser.parse_args(wrong)
    except SystemExit as leaving:
        print("exit", leaving.code)
print(getopt.getopt(["-a", "--long=5", "rest"], "a", ["long="]), sys.argv[1:], shlex.quote("it's"))
os.environ["HONEST"] = "yes"
print(os.environ.get("HONEST"), os.getenv("NOT_SET", "default"), os.path.expandvars("$HONEST/x"))
os.unsetenv("HONEST")
del os.environ["HONEST"]
print("HONEST" in os.environ)
