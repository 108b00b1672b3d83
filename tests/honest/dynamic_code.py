import ast
import code
import json
import operator
import types

print(eval("2 ** 10 + len('abc')"), eval("x + y", {"x": 1, "y": 2}), ast.literal_eval("{'a': [1, (2, 3)], 'b': None}"))
namespace = {}
exec("def f(n):\n    return n * 2\nvalue = f(21)", namespace)
print(namespace["value"], namespace["f"](4), sorted(k for k in namespace if not k.startswith("__")))
compiled = compile("[i * i for i in range(5)]", "<formula>", "eval")
print(eval(compiled), compiled.co_filename, code.compile_command("for i in x:") is None)
total = 0
for name in ("alpha", "beta"):
    globals()[name] = len(name)
print(alpha + beta, "alpha" in globals(), sorted(locals())[-1])  # noqa: F821
print(__import__("math").tau, getattr(json, "dumps")([1]), type("Made", (), {"x": 5})().x)
operators = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Sub: operator.sub, ast.Div: operator.truediv}


def calculate(node):
    if isinstance(node, ast.BinOp):
        return operators[type(node.op)](calculate(node.left), calculate(node.right))
    return node.value


print(calculate(ast.parse("2 + 3 * (4 - 1) / 2", mode="eval").body))
try:
    exec("for")
except SyntaxError as error:
    print(error.msg, error.filename, error.lineno)
try:
    exec("\n\n1/0", {})
except ZeroDivisionError as error:
    print(error.__traceback__.tb_next.tb_lineno, error.__traceback__.tb_next.tb_frame.f_code.co_filename)
closure = types.FunctionType((lambda a: a + 1).__code__, {})
print(closure(1), vars(types.SimpleNamespace(a=1)))
