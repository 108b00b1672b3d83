import re

text = "Contact: ann@example.com, bob.smith@mail.example.org; phone +49 (0)30 1234-567 on 2024-03-09."
print(re.findall(r"[\w.]+@[\w.]+\w", text))
print(re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", text))
match = re.search(r"(?P<year>\d{4})-(?P<month>\d\d)", text)
print(match.groupdict(), match.span(), match)
print(re.split(r"[;,]\s*", text), re.fullmatch(r"a*", "aaa") is not None)
pattern = re.compile(r"""
    (?P<number>-?\d+(\.\d+)?)   # 1, -2.5
  | (?P<word>[^\W\d_]+)         # letters of any script
  | (?P<space>\s+)
""", re.VERBOSE)
print([(m.lastgroup, m.group()) for m in pattern.finditer("x -2.5 été 7")])
print(re.sub(r"\b(\w)(\w*)\b", lambda m: m[1].upper() + m[2], "the quick brown fox"))
print(re.findall(r"(?<=\$)\d+(?!\d)", "$10 $200"), re.escape("a.b*c"), bool(re.match(r"^b", "a\nb", re.M)))
try:
    re.compile("(unclosed")
except re.error as error:
    print(error.msg, error.pos)
