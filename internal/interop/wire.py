"""What peer.py and its parts say and are told: lines of JSON, and data as they describe it."""
import hashlib
import json
import sys
import threading

out_lock = threading.Lock()


def emit(obj):
    with out_lock:
        sys.__stdout__.write(json.dumps(obj) + "\n")
        sys.__stdout__.flush()


def blob(seed, length, compressible=False):
    """The same bytes as blob() in peer.go."""
    if compressible:
        unit = ("groupd " + seed + " ").encode()
        return (unit * (length // len(unit) + 1))[:length]
    parts, n, counter = [], 0, 0
    while n < length:
        block = hashlib.sha256(seed.encode() + counter.to_bytes(4, "big")).digest()
        parts.append(block)
        n += len(block)
        counter += 1
    return b"".join(parts)[:length]


def digest(data):
    if data is None:
        return None
    if isinstance(data, str):
        return {"text": data}
    if isinstance(data, (bytes, bytearray)):
        d = {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        if len(data) <= 2048:
            d["hex"] = bytes(data).hex()
        return d
    return {"other": repr(data)}


def plain(v):
    """A value as JSON can say it: bytes in hex, keys as text."""
    if isinstance(v, (bytes, bytearray)):
        return v.hex()
    if isinstance(v, dict):
        return {k.hex() if isinstance(k, bytes) else str(k): plain(w) for k, w in v.items()}
    return [plain(w) for w in v] if isinstance(v, (list, tuple)) else v


def payload(args, key="data"):
    """hex, text, or {"seed", "length", "compressible"}; absent means "value" as it is, or None."""
    v = args.get(key)
    if v is None:
        return args.get("value")
    if isinstance(v, dict):
        return blob(v["seed"], v["length"], v.get("compressible", False))
    if args.get(key + "_is_text"):
        return v
    return bytes.fromhex(v)
