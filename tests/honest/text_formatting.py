import datetime
import pprint
import reprlib
import string
import textwrap

name, value = "Ann", 1234.5678
print("%s has %05.1f%%" % (name, value))
print("{:>10}|{:^10}|{:<10}|".format("r", "c", "l"), f"{name!r:*^12} {value:,.2f} {value=:.1f}")
print("{0[a]} {1.real} {2:%Y}".format({"a": 1}, 5, datetime.date(2024, 1, 1)), f"{'nested':{'>'}{10}}")
print(string.Template("$who owes ${amount} $$").substitute(who="Bob", amount=5))
print(string.ascii_lowercase, "a-b_c".translate(str.maketrans("-_", "  ")))
text = "Python is dynamically typed and garbage-collected. It supports multiple programming paradigms. " * 2
print(textwrap.fill(text, 40, initial_indent="* ", subsequent_indent="  "))
print(textwrap.dedent("""
    def f():
        return 1
""").strip(), textwrap.shorten(text, 30), textwrap.indent("a\nb", "> "))
pprint.pprint({"name": "x" * 30, "list": list(range(30)), "nested": {"a": [{"b": 1}] * 3, "z": "y" * 40}}, width=60)
print(reprlib.repr(list(range(1000))), pprint.pformat([1, [2]], depth=1))
print("a,b,,c".split(","), " x y ".split())
print("line1\r\nline2\x0bline3".splitlines(), "abc"[::-1], "ab" * 3, "a\tb".expandtabs(4))
print("ß".upper(), "İ".lower(), "Straße".casefold(), "title case".title())
print("x".zfill(3), "abc".partition("b"), "é".encode("unicode_escape"))
print(*range(5), sep=", ", end=".\n")
print("no newline", end="")
print()
print("héllo".encode(), ascii("héllo"), b"\xff".decode("latin-1"), repr("tab\t\x00'\""))
print(r"C:\new", "multi" "part", """three
lines""", sep="\n")
