"""An index of wheels of a few hundred bytes, made by the test that uses it: a directory that an installer reads as a simple
index (PEP 503), at a file: address or behind any web server."""

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Index:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def add(
        self, name: str, version: str = "1.0", requires: Iterable[str] = (), padding: int = 0, modules: int = 1
    ) -> None:
        """One more wheel; its module has `version`, and as many bytes beside it as `padding` says, as good as random."""
        module = name.replace("-", "_")
        info = f"{module}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
        files = {
            f"{module}/__init__.py": f"version = {version!r}\n",
            **{f"{module}/part{number}.py": f"part = {number}\n" for number in range(1, modules)},
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": WHEEL,
        }
        if padding:
            files[f"{module}/padding.txt"] = "0" * padding
        files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in files) + f"{info}/RECORD,,\n"
        directory = self.path / name
        directory.mkdir(exist_ok=True)
        wheel = directory / f"{module}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        wheel.with_name(f"{wheel.name}.metadata").write_text(files[f"{info}/METADATA"])  # PEP 658
        self._list(directory)

    def add_source(self, name: str) -> None:
        """A source distribution, whose code would run if it were built."""
        directory = self.path / name
        directory.mkdir(exist_ok=True)
        (directory / f"{name}-1.0.tar.gz").write_bytes(b"")
        self._list(directory)

    @staticmethod
    def _list(directory: Path) -> None:
        links = []
        for file in sorted(directory.iterdir()):
            if file.suffix in (".whl", ".gz"):
                digest = hashlib.sha256(file.read_bytes()).hexdigest()
                apart = ' data-dist-info-metadata="true"' if file.suffix == ".whl" else ""
                links.append(f'<a href="{file.name}#sha256={digest}"{apart}>{file.name}</a><br>')
        (directory / "index.html").write_text("\n".join(links))
