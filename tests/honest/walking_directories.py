import fnmatch
import glob
import os
import stat
from pathlib import Path, PurePosixPath

os.makedirs("project/src/deep", exist_ok=True)
os.chdir("project")
for name in ("README.md", "src/main.py", "src/deep/util.py", "src/data.csv", ".hidden"):
    Path(name).write_text(name * 3)
for folder, folders, files in os.walk("."):
    folders.sort()
    print(folder, folders, sorted(files))
with os.scandir("src") as entries:
    print(sorted((entry.name, entry.is_dir(), entry.stat().st_size if entry.is_file() else None) for entry in entries))
print(sorted(glob.glob("**/*.py", recursive=True)), sorted(glob.glob("*")), fnmatch.filter(["a.py", "b.txt"], "*.py"))
print(sorted(str(p) for p in Path().rglob("*.py")), Path("src/main.py").stem, Path("a.tar.gz").suffixes)
path = Path("src") / "data.csv"
print(path.exists(), path.with_suffix(".json"), path.parts, path.stat().st_size, stat.S_ISREG(path.stat().st_mode))
print(PurePosixPath("/a/../b").parent, os.path.normpath("/a/../b"))
print(os.path.splitext("x.tar.gz"), os.path.relpath("src", "src/deep"))
path.touch()
path.rename("src/renamed.csv")
print(sorted(p.name for p in Path("src").iterdir()), Path("missing").exists(), Path("src").resolve().name)
with open("src/renamed.csv", "a") as file:
    file.write("appended")
print(Path("src/renamed.csv").read_text(), os.stat("src/renamed.csv").st_size)
for attempt in (lambda: open("missing.txt"), lambda: os.mkdir("src"), lambda: open("src")):
    try:
        attempt()
    except OSError as error:
        print(type(error).__name__, error.errno, error.strerror, error.filename)
Path("src/renamed.csv").unlink()
print(os.path.expanduser("~") != "~", os.sep, os.path.commonpath(["/usr/lib", "/usr/local"]))
