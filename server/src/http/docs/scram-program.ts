/** A sign-in by SCRAM in Python with nothing but Python, WebSocket included, for hosts that reach no package registry. */

/** @param origin of this server, as the reader's browser sees it */
export function signInProgram(origin: string): string {
  const isTls = origin.startsWith("https:");
  return `import base64, hashlib, hmac, json, os, socket, struct
from urllib.parse import urlsplit${isTls ? "\nimport ssl" : ""}

USERNAME = "USER"
number, body = os.environ["CHATELAINE_KEY"].split("-", 1)
url = urlsplit("${origin}")

def h(key, text):
    return hmac.new(key, text, hashlib.sha512).digest()

def b64(data):
    return base64.b64encode(data).decode()

line = socket.create_connection((url.hostname, url.port or ${isTls ? 443 : 80}))
${isTls ? "line = ssl.create_default_context().wrap_socket(line, server_hostname=url.hostname)\n" : ""}line.sendall("\\r\\n".join([
    "GET /api/current HTTP/1.1", "Host: " + url.netloc, "Connection: Upgrade",
    "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + b64(os.urandom(16)), "", "",
]).encode())
replies = line.makefile("rb")
while replies.readline().strip():
    pass

def call(method, *params):
    frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    data, mask = json.dumps(frame).encode(), os.urandom(4)
    size = len(data)
    head = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xFE, size)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    line.sendall(b"\\x81" + head + mask + masked)
    kind, size = replies.read(2)
    if size > 125:
        size = int.from_bytes(replies.read(2 if size == 126 else 8), "big")
    return json.loads(replies.read(size))["result"]

def scram(kind, text):
    step = {"mechanism": "SCRAM", "scram_type": kind, "rfc_str": text}
    return call("auth.login_ex", step)["rfc_str"]

first = f"n={USERNAME}:{number},r={b64(os.urandom(32))}"
server = scram("CLIENT_FIRST_MESSAGE", "n,," + first)
told = dict(part.split("=", 1) for part in server.split(","))
salted = hashlib.pbkdf2_hmac(
    "sha512", body.encode(), base64.b64decode(told["s"]), int(told["i"]))
client_key, server_key = h(salted, b"Client Key"), h(salted, b"Server Key")
final = "c=biws,r=" + told["r"]
message = ",".join([first, server, final]).encode()
signature = h(hashlib.sha512(client_key).digest(), message)
proof = b64(bytes(a ^ b for a, b in zip(client_key, signature)))
answer = scram("CLIENT_FINAL_MESSAGE", final + ",p=" + proof)
if answer != "v=" + b64(h(server_key, message)):
    raise SystemExit("That is not the server that knows the key")
print("Signed in as", call("auth.me")["pw_name"])`;
}
