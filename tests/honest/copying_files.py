import os
import shutil
from pathlib import Path

Path("src/sub").mkdir(parents=True)
Path("src/a.txt").write_text("alpha")
Path("src/sub/b.txt").write_text("beta")
Path("src/skip.pyc").write_text("")
os.utime("src/a.txt", (1_000_000_000, 1_000_000_000))

print(shutil.copy("src/a.txt", "copy.txt"), shutil.copy2("src/a.txt", "copy2.txt"))
print(os.path.getmtime("copy2.txt"), os.path.getmtime("copy.txt") > 1_000_000_000)
shutil.copytree("src", "tree", ignore=shutil.ignore_patterns("*.pyc"))
print(sorted(str(p) for p in Path("tree").rglob("*")))
print(shutil.move("tree/sub", "moved"), os.listdir("moved"), os.path.exists("tree/sub"))
os.rename("moved/b.txt", "tree/renamed.txt")
os.replace("copy.txt", "tree/renamed.txt")
print(Path("tree/renamed.txt").read_text())
print(os.path.basename(shutil.make_archive("backup", "zip", "src")))
print(os.path.basename(shutil.make_archive("backup", "gztar", "src")))
shutil.unpack_archive("backup.zip", "unpacked")
print(sorted(os.listdir("unpacked")))
os.symlink("copy2.txt", "link")
os.link("copy2.txt", "hard")
print(os.readlink("link"), os.path.islink("link"), os.stat("hard").st_nlink, os.path.samefile("link", "hard"))
shutil.rmtree("tree")
print(os.path.exists("tree"), shutil.which("no-such-program"))
try:
    os.rmdir("src")
except OSError as error:
    print(error)
