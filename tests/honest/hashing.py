import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import uuid

message = "Grüße, 世界".encode()
for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256"):
    print(name, hashlib.new(name, message).hexdigest()[:32])
print(hmac.new(b"key", message, hashlib.sha256).hexdigest(), hmac.compare_digest("a", "a"))
print(hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 1000).hex())
print(hashlib.scrypt(b"p", salt=b"s", n=2, r=8, p=1).hex()[:16])
print(base64.b64encode(message), base64.urlsafe_b64decode(b"-_-_"), base64.b32encode(b"hi"), base64.a85encode(b"data"))
print(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"), uuid.uuid3(uuid.NAMESPACE_URL, "x"), uuid.UUID(int=5).hex)
print(uuid.uuid4().version, uuid.uuid1().version, len(secrets.token_hex(16)))
print(secrets.token_bytes(4) != secrets.token_bytes(5))
print(struct.pack(">IhB", 1, -2, 3), struct.unpack("<2f", struct.pack("<2f", 1.5, -2.25)), struct.calcsize("@qi"))
print(binascii.hexlify(b"\x00\xff"), binascii.crc32(b"x"), bytes.fromhex("de ad be ef"), int.from_bytes(b"\x01\x00", "big"))
with open("file.bin", "wb") as file:
    file.write(bytes(range(256)) * 1000)
with open("file.bin", "rb") as file:
    print(hashlib.file_digest(file, "sha256").hexdigest())
