import configparser
import plistlib
import tomllib
from pathlib import Path

Path("settings.ini").write_text("""
[DEFAULT]
retries = 3
[server]
host = localhost
port = 8080
debug = yes
url = http://%(host)s:%(port)s/
""")
config = configparser.ConfigParser()
config.read("settings.ini")
print(config.sections(), config["server"]["url"], config.getint("server", "retries"), config.getboolean("server", "debug"))
config["new"] = {"x": "1"}
with open("settings.ini", "w") as file:
    config.write(file)
print(Path("settings.ini").read_text())

print(tomllib.loads('title = "x"\nwhen = 1979-05-27T07:32:00Z\n[[point]]\nx = 1\n[[point]]\nx = 2\n[a.b]\nc = [1, 2]\n'))
try:
    tomllib.loads("a = ")
except tomllib.TOMLDecodeError as error:
    print(error)
print(plistlib.loads(plistlib.dumps({"a": [1, True], "b": b"raw"})))
