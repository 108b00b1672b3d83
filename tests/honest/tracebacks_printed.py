import ast
import sys
import traceback


class AppError(Exception):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code


def level_three(x):
    return {"a": [1, 2, 3]}["a"][x]


def level_two(x):
    try:
        return level_three(x)
    except IndexError as error:
        error.add_note("tried a list of three")
        raise AppError(7) from error


try:
    level_two(9)
except AppError as error:
    print(traceback.format_exc())
    print(error.code, repr(error.__cause__), error.__traceback__.tb_lineno)
    print(traceback.extract_tb(error.__traceback__)[-1].line)
    traceback.print_exc(file=sys.stdout, limit=1)
try:
    raise ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [KeyError("k")])])
except* KeyError as group:
    traceback.print_exception(group, file=sys.stdout)
except* ValueError as group:
    print(group.exceptions)
with open("helper.py", "w") as file:
    file.write("def risky(n):\n    # a comment\n    return 1 / n\n")
import helper  # noqa: E402

try:
    helper.risky(0)
except ZeroDivisionError:
    print(traceback.format_exc())
try:
    ast.parse("1 +")
except SyntaxError as error:
    print(error.msg, error.lineno, error.offset, error.text)
try:
    print(undefined_name)
except NameError as error:
    print(error, error.name)
finally:
    print(sys.exc_info())
