import importlib
import importlib.metadata
import importlib.util
import pkgutil
import runpy
import sys
from pathlib import Path

Path("settings.py").write_text("LEVEL = 1\n")
settings = importlib.import_module("settings")
print(settings.LEVEL, settings.__spec__.name, sys.modules["settings"] is settings)
Path("settings.py").write_text("LEVEL = 22\nNAME = 'changed'\n")
importlib.invalidate_caches()
importlib.reload(settings)
print(settings.LEVEL, settings.NAME)
Path("other").mkdir()
Path("other/tool.py").write_text("def run(x):\n    return x + 1\nprint('loading', __name__)\n")
spec = importlib.util.spec_from_file_location("loaded", "other/tool.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.run(1), module.__name__, importlib.util.find_spec("no_such_module"))
print(sorted(runpy.run_path("other/tool.py", run_name="script"))[-1])
print([found.name for found in pkgutil.iter_modules(["other"])], importlib.util.find_spec("json").name)
print(sorted(found.name.lower() for found in importlib.metadata.distributions()))
print(importlib.metadata.version("numpy") == importlib.import_module("numpy").__version__)
