import os
import sys
from pathlib import Path

Path("geometry.py").write_text("PI = 3.0\n\ndef area(r):\n    return PI * r * r\n")
import geometry  # noqa: E402

print(geometry.area(2), geometry.__name__, os.path.basename(geometry.__file__))
os.makedirs("toolbox/inner")
Path("toolbox/__init__.py").write_text("from .shapes import square\n__version__ = '1.2'\n")
Path("toolbox/shapes.py").write_text("def square(x):\n    return x * x\n")
Path("toolbox/inner/__init__.py").write_text("")
Path("toolbox/inner/deep.py").write_text("from ..shapes import square\nVALUE = square(9)\n")
import toolbox  # noqa: E402
from toolbox.inner import deep  # noqa: E402

print(toolbox.square(4), toolbox.__version__, deep.VALUE, deep.__name__, deep.__package__)
package = Path("plugins")
package.mkdir()
(package / "__init__.py").write_text("names = ['first']\n")
(package / "first.py").write_text("def run():\n    return 'first ran'\n")
from plugins import first  # noqa: E402

print(first.run(), sys.modules["plugins"].names)
os.mkdir("lib")
Path("lib/extra.py").write_text("name = __name__\n")
sys.path.insert(0, "lib")
import extra  # noqa: E402

print(extra.name, "geometry" in sys.modules, sys.path[0])
try:
    import no_such_module
except ModuleNotFoundError as error:
    print(error, error.name)
try:
    from math import no_such_name
except ImportError as error:
    print(error.name, str(error).split(" (")[0])
