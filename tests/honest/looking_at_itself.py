"""A program that looks at its own source, as teaching material does."""

import ast
import dis
import inspect
import os
import sys
import traceback
from pathlib import Path


class Greeter:
    """Greets."""

    def greet(self, name):
        return f"Hello {name}"  # with a comment


def caller():
    return inspect.currentframe().f_back.f_code.co_name, inspect.stack()[1].lineno, inspect.stack()[1].code_context


def outer():
    return caller()


print(__doc__, __name__, Path(__file__).name, Path(__file__).resolve().parent == Path.cwd())
print(os.path.dirname(os.path.abspath(__file__)) == os.getcwd(), len(sys.argv), os.path.basename(sys.argv[0]))
print(inspect.getsource(Greeter), inspect.getsource(Greeter.greet))
print(inspect.getsourcelines(caller)[1], inspect.getfile(Greeter))
print(outer(), inspect.getmodule(Greeter), inspect.getcomments(outer))
print(ast.unparse(ast.parse(inspect.getsource(outer))))
dis.dis(outer)
print(sys._getframe().f_lineno, sys.modules["__main__"].Greeter is Greeter, Greeter.__module__, Greeter)
print(sorted(name for name in dir() if name.startswith("__")), __annotations__, __spec__, __package__)
print(type(__builtins__).__name__, [n for n in dir(__builtins__) if n.startswith("is")], len(dir(__builtins__)))
try:
    Greeter().greet()
except TypeError:
    traceback.print_exc(file=sys.stdout)
