import csv
import html
import io
import json
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from xml.dom import minidom

with open("people.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, ["name", "note"], quoting=csv.QUOTE_MINIMAL)
    writer.writeheader()
    writer.writerows([{"name": "Ann", "note": 'says "hi", twice'}, {"name": "Zoë", "note": "two\nlines"}])
print(repr(open("people.csv", newline="", encoding="utf-8").read()))
print(list(csv.DictReader(open("people.csv", newline="", encoding="utf-8"))), csv.Sniffer().sniff("a;b\n1;2\n").delimiter)

document = {"b": [1, 2.5, None, True], "a": {"ü": "\u2028", "nested": {}}}
print(json.dumps(document, indent=2, sort_keys=True), json.dumps(document, ensure_ascii=False, separators=(",", ":")))
try:
    json.loads('{"a": 1,}')
except json.JSONDecodeError as error:
    print(error, error.pos)

root = ElementTree.fromstring("<shop><item id='1'>Lamp</item><item id='2'>Desk &amp; chair</item></shop>")
print([(item.get("id"), item.text) for item in root.iter("item")], ElementTree.tostring(root)[:30])
print(minidom.parseString("<a><b/></a>").toprettyxml(indent="  "))


class Links(HTMLParser):
    def handle_starttag(self, tag, attrs):
        print(tag, attrs)


Links().feed("<p class=x><a href='/y?a=1&amp;b=2'>z</a></p>")
print(html.escape("<a & b>"), html.unescape("&eacute;&lt;"), list(csv.reader(io.StringIO("a\tb"), "excel-tab")))
