import io
import os
import tarfile
import zipfile

os.makedirs("in/deep", exist_ok=True)
for name, text in {"in/a.txt": "alpha\n" * 100, "in/deep/b.txt": "beta", "in/ü.txt": "umlaut"}.items():
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)

with zipfile.ZipFile("all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for folder, _, names in os.walk("in"):
        for name in sorted(names):
            archive.write(os.path.join(folder, name))
    archive.writestr("extra.txt", "extra")
with zipfile.ZipFile("all.zip") as archive:
    print(sorted(archive.namelist()), archive.testzip(), archive.getinfo("in/a.txt").compress_size < 100)
    archive.extractall("out")
    print(archive.read("in/ü.txt").decode())

for mode in ("gz", "bz2", "xz"):
    with tarfile.open(f"all.tar.{mode}", f"w:{mode}") as tar:
        tar.add("in", arcname="renamed")
    with tarfile.open(f"all.tar.{mode}") as tar:
        print(mode, sorted(tar.getnames()), tar.extractfile("renamed/deep/b.txt").read())
        tar.extractall(f"out-{mode}", filter="data")
print(open("out-xz/renamed/a.txt").read() == open("out/in/a.txt").read(), zipfile.is_zipfile(io.BytesIO(b"PK")))
