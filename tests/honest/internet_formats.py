import email
import ipaddress
import mimetypes
import quopri
import urllib.parse
from email.message import EmailMessage
from http import HTTPStatus
from http.cookies import SimpleCookie

parts = urllib.parse.urlsplit("https://user@example.org:8080/a%20b/c?x=1&x=2&y=%C3%A9#top")
print(parts, parts.port, urllib.parse.parse_qs(parts.query), urllib.parse.unquote(parts.path))
print(urllib.parse.urlencode({"q": "a b&c", "n": [1, 2]}, doseq=True))
print(urllib.parse.urljoin("http://x/a/b", "../c"), urllib.parse.quote("ä/b"))
message = EmailMessage()
message["Subject"], message["From"], message["To"] = "Grüße", "ann@example.org", "bob@example.org"
message.set_content("Hello\n")
message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="t.csv")
parsed = email.message_from_bytes(message.as_bytes(), policy=email.policy.default) if hasattr(email, "policy") else message
print(parsed["Subject"], [part.get_content_type() for part in parsed.walk()])
print([a.get_filename() for a in parsed.iter_attachments()])
print(HTTPStatus(404).phrase, HTTPStatus.OK.value, SimpleCookie("a=1; b=2")["b"].value, quopri.encodestring("é=".encode()))
print([mimetypes.guess_type(name)[0] for name in ("a.csv", "a.json", "a.png", "a.html", "a.pdf", "a.tar.gz")])
print(mimetypes.guess_extension("image/png"))
network = ipaddress.ip_network("192.168.4.0/22")
print(network.num_addresses, ipaddress.ip_address("192.168.5.9") in network)
print(list(network.subnets(new_prefix=24))[1], ipaddress.ip_address("::1").is_loopback)
