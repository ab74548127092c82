"""A stock Reticulum and LXMF program for our tests, driven over stdin and stdout.

One JSON object per line. In: {"id": n, "cmd": name, ...}. Out: {"id": n, "ok": true, "result": ...} or {"id": n, "ok": false,
"error": text}; and events {"event": name, ...} as they happen. Bytes are hex. Large data is made from a seed with `blob` and
compared by length and SHA-256, so that no line grows long.
"""
import base64
import hashlib
import json
import os
import sys
import threading
import time
import zlib

import RNS

from pages import Pages
from wire import blob, digest, emit, payload, plain

try:
    import LXMF
except ImportError:
    LXMF = None

class Peer(Pages):
    def __init__(self):
        super().__init__()
        self.reticulum = None
        self.identities = {}
        self.destinations = {}
        self.links = {}
        self.routers = {}
        self.sources = {}
        self.router = None
        self.source = None
        self.messages = {}

    # --- Reticulum ---

    def cmd_start(self, a):
        self.reticulum = RNS.Reticulum(configdir=a["config"], loglevel=a.get("loglevel", 2))
        RNS.Transport.register_announce_handler(Heard())
        return {"rns": RNS.__version__, "lxmf": LXMF.__version__ if LXMF else None}

    def cmd_interfaces(self, a):
        return {"names": [str(i) for i in RNS.Transport.interfaces]}

    def cmd_online(self, a):
        return {"online": all(i.online for i in RNS.Transport.interfaces)}

    def cmd_identity(self, a):
        i = RNS.Identity.from_bytes(bytes.fromhex(a["private"])) if a.get("private") else RNS.Identity()
        self.identities[a["name"]] = i
        return {"hash": i.hash.hex(), "public": i.get_public_key().hex(), "private": i.get_private_key().hex()}

    def cmd_private_key(self, a):
        return {"private": self.identities[a["name"]].get_private_key().hex()}

    def cmd_destination(self, a):
        kind = {"SINGLE": RNS.Destination.SINGLE, "PLAIN": RNS.Destination.PLAIN, "GROUP": RNS.Destination.GROUP}[a.get("type", "SINGLE")]
        identity = self.identities[a["identity"]] if a.get("identity") else None
        d = RNS.Destination(identity, RNS.Destination.IN, kind, a["app"], *a.get("aspects", []))
        if a.get("group_key"):
            d.load_private_key(bytes.fromhex(a["group_key"]))
        if a.get("ratchets"):
            d.enable_ratchets(a["ratchets"])
        if a.get("app_data"):
            d.set_default_app_data(bytes.fromhex(a["app_data"]))
        d.set_proof_strategy({"none": RNS.Destination.PROVE_NONE, "all": RNS.Destination.PROVE_ALL}[a.get("prove", "all")])
        d.set_packet_callback(lambda data, packet: emit({"event": "packet", "destination": d.hash.hex(), "data": digest(data)}))
        d.set_link_established_callback(self.incoming_link)

        def answer(path, data, request_id, link_id, remote_identity, requested_at):
            emit({"event": "request", "path": path, "data": digest(data), "remote": remote_identity.hash.hex() if remote_identity else None})
            if path == "/echo":
                return data
            if path == "/blob":
                seed, length = data.decode().split(":")
                return blob(seed, int(length))
            return None

        for path in ("/echo", "/blob", "/silence"):
            d.register_request_handler(path, response_generator=answer, allow=RNS.Destination.ALLOW_ALL)
        self.destinations[a["name"]] = d
        return {"hash": d.hash.hex()}

    def cmd_announce(self, a):
        self.destinations[a["name"]].announce(app_data=payload(a, "app_data"))

    def cmd_await_path(self, a):
        h = bytes.fromhex(a["hash"])
        if not RNS.Transport.has_path(h):
            RNS.Transport.request_path(h)
        deadline = time.time() + a.get("timeout", 15)
        while not RNS.Transport.has_path(h):
            if time.time() > deadline:
                raise TimeoutError("no path to " + a["hash"])
            time.sleep(0.02)
        return {"hops": RNS.Transport.hops_to(h)}

    def cmd_path(self, a):
        """What the path table holds, without asking for it."""
        h = bytes.fromhex(a["hash"])
        entry = RNS.Transport.path_table[h]
        return {"hops": entry[2], "interface": str(entry[5])}

    def cmd_drop_path(self, a):
        RNS.Transport.expire_path(bytes.fromhex(a["hash"]))

    def cmd_recall(self, a):
        h = bytes.fromhex(a["hash"])
        i = RNS.Identity.recall(h)
        data = RNS.Identity.recall_app_data(h)
        ratchet = RNS.Identity.get_ratchet(h)
        return {"identity": i.hash.hex() if i else None, "public": i.get_public_key().hex() if i else None,
                "app_data": data.hex() if data is not None else None, "ratchet": ratchet.hex() if ratchet else None}

    def remote(self, a):
        kind = a.get("type", "SINGLE")
        if kind == "PLAIN":
            return RNS.Destination(None, RNS.Destination.OUT, RNS.Destination.PLAIN, a["app"], *a.get("aspects", []))
        if kind == "GROUP":
            i = RNS.Identity(create_keys=False)
            i.load_public_key(bytes.fromhex(a["public"]))
            d = RNS.Destination(i, RNS.Destination.OUT, RNS.Destination.GROUP, a["app"], *a.get("aspects", []))
            d.load_private_key(bytes.fromhex(a["group_key"]))
            return d
        i = RNS.Identity.recall(bytes.fromhex(a["hash"]))
        if i is None:
            raise ValueError("identity of " + a["hash"] + " is not known")
        return RNS.Destination(i, RNS.Destination.OUT, RNS.Destination.SINGLE, a["app"], *a.get("aspects", []))

    def cmd_send_packet(self, a):
        """Waits for the proof when `timeout` is given."""
        receipt = RNS.Packet(self.remote(a), payload(a)).send()
        return self.wait_receipt(receipt, a)

    def wait_receipt(self, receipt, a):
        if "timeout" not in a or not receipt:
            return {"sent": bool(receipt)}
        deadline = time.time() + a["timeout"]
        while time.time() < deadline and receipt.get_status() != RNS.PacketReceipt.DELIVERED:
            time.sleep(0.005)
        return {"delivered": receipt.get_status() == RNS.PacketReceipt.DELIVERED, "rtt": receipt.get_rtt() if receipt.proved else None}

    # --- links ---

    def adopt(self, link):
        name = link.link_id.hex()
        self.links[name] = link
        link.set_packet_callback(lambda data, packet: emit({"event": "link_packet", "link": name, "data": digest(data)}))
        link.set_resource_strategy(RNS.Link.ACCEPT_ALL)
        link.set_resource_concluded_callback(lambda r: self.resource_done(name, r))
        link.set_remote_identified_callback(lambda l, i: emit({"event": "identified", "link": name, "identity": i.hash.hex()}))
        link.set_link_closed_callback(lambda l: emit({"event": "link_closed", "link": name, "reason": l.teardown_reason}))
        return name

    def incoming_link(self, link):
        emit({"event": "link", "link": self.adopt(link), "mtu": link.mtu})

    def resource_done(self, name, r):
        ok = r.status == RNS.Resource.COMPLETE
        data = r.data.read() if ok and hasattr(r.data, "read") else (r.data if ok else None)
        emit({"event": "resource", "link": name, "complete": ok, "status": r.status, "data": digest(data), "metadata": repr(r.metadata) if ok else None})

    def cmd_open_link(self, a):
        done = threading.Event()
        to = self.remote(a)
        self.cmd_await_path({"hash": to.hash.hex()})
        link = RNS.Link(to, established_callback=lambda l: done.set(), closed_callback=lambda l: done.set())
        if not done.wait(a.get("timeout", 20)) or link.status != RNS.Link.ACTIVE:
            raise TimeoutError("link was not established")
        return {"link": self.adopt(link), "mtu": link.mtu, "rtt": link.rtt}

    def cmd_identify(self, a):
        self.links[a["link"]].identify(self.identities[a["identity"]])

    def cmd_link_send(self, a):
        return self.wait_receipt(RNS.Packet(self.links[a["link"]], payload(a)).send(), a)

    def cmd_link_live(self, a):
        """Proves each packet on a link, as who wants live pages does."""
        name = a["link"]

        def live(data, packet):
            emit({"event": "live", "link": name, "data": digest(data)})
            packet.prove()

        self.links[name].set_packet_callback(live)

    def cmd_notice(self, a):
        """Checks a notice as docs/requests.md says: whether it is the group's, and its body."""
        data, group = bytes.fromhex(a["data"]), RNS.Identity.recall(bytes.fromhex(a["hash"]))
        address = RNS.Destination.hash(group, "meshchat", "group")
        good = data[0] == 1 and data[2:6] == address[:4] and group.validate(data[-64:], b"groupd notice" + data[:-64])
        return {"good": bool(good), "kind": data[1], "body": data[6:-64].hex()}

    def cmd_link_status(self, a):
        link = self.links[a["link"]]
        return {"status": link.status, "reason": link.teardown_reason, "active": link.status == RNS.Link.ACTIVE}

    def cmd_close_link(self, a):
        self.links[a["link"]].teardown()

    def cmd_request(self, a):
        done = threading.Event()
        started = time.time()
        receipt = self.links[a["link"]].request(a["path"], data=payload(a), response_callback=lambda r: done.set(),
                                                failed_callback=lambda r: done.set(), timeout=a.get("timeout", 60))
        if not receipt or not done.wait(a.get("timeout", 60)):
            raise TimeoutError("no answer to " + a["path"])
        if receipt.status == RNS.RequestReceipt.FAILED:
            raise RuntimeError("request failed")
        response = receipt.get_response()
        if hasattr(response, "read"):
            response = response.read()
        return {"data": digest(response), "seconds": time.time() - started}

    def cmd_request_in_a_row(self, a):
        """Asks `times` times, each time as soon as the last answer is there."""
        link, done, sizes = self.links[a["link"]], threading.Event(), []

        def ask():
            link.request(a["path"], data=None, response_callback=answered, failed_callback=lambda r: done.set(), timeout=60)

        def answered(receipt):
            sizes.append(len(receipt.get_response()))
            if len(sizes) < a["times"]:
                ask()
            else:
                done.set()

        ask()
        done.wait(120)
        return {"sizes": sizes}

    def cmd_send_resource(self, a):
        done = threading.Event()
        started = time.time()
        r = RNS.Resource(payload(a), self.links[a["link"]], metadata=a.get("metadata"), auto_compress=a.get("compress", True), callback=lambda r: done.set())
        if not done.wait(a.get("timeout", 120)):
            raise TimeoutError("resource did not conclude, status %d" % r.status)
        return {"complete": r.status == RNS.Resource.COMPLETE, "status": r.status, "seconds": time.time() - started}

    def cmd_channel_send(self, a):
        """Writes to stream `stream` over the link's channel, then ends it."""
        channel = self.links[a["link"]].get_channel()
        writer = RNS.Buffer.create_writer(a.get("stream", 0), channel)
        writer.write(payload(a))
        writer.flush()
        writer.close()

    def cmd_channel_listen(self, a):
        name, parts = a["link"], []
        channel = self.links[name].get_channel()

        def ready(n):
            chunk = reader.read(n)
            if chunk:
                parts.append(chunk)
                emit({"event": "stream", "link": name, "data": digest(b"".join(parts))})

        reader = RNS.Buffer.create_reader(a.get("stream", 0), channel, ready)

    # --- LXMF ---

    def cmd_lxmf(self, a):
        """Opens a mailbox. Several identities can have one each; the commands that follow name theirs in `from`, else it is the latest."""
        self.router = self.routers[a["identity"]] = LXMF.LXMRouter(storagepath=a["storage"], enforce_stamps=bool(a.get("stamp_cost")))
        self.source = self.router.register_delivery_identity(self.identities[a["identity"]], display_name=a.get("name"), stamp_cost=a.get("stamp_cost"))
        self.sources[a["identity"]] = self.source
        self.router.register_delivery_callback(self.received)
        return {"hash": self.source.hash.hex()}

    def received(self, m):
        emit({"event": "message", "message": m.hash.hex(), "source": m.source_hash.hex(), "to": m.destination_hash.hex(), "title": m.title_as_string(),
              "content": m.content_as_string(), "fields": repr(m.fields), "plain": plain(m.fields), "verified": m.signature_validated, "method": m.method,
              "timestamp": m.timestamp, "stamp_valid": m.stamp_valid, "stamp_value": m.stamp_value})

    def cmd_lxmf_announce(self, a):
        router, source = self.mailbox(a)
        router.announce(source.hash)

    def mailbox(self, a):
        name = a.get("from")
        return (self.routers[name], self.sources[name]) if name else (self.router, self.source)

    def cmd_lxmf_stamp_cost(self, a):
        """Asks for stamps of `cost` from now on, and says so."""
        self.router.set_inbound_stamp_cost(self.source.hash, a["cost"])
        self.router.announce(self.source.hash)

    def cmd_await_stamp_cost(self, a):
        h, deadline = bytes.fromhex(a["hash"]), time.time() + a.get("timeout", 30)
        while self.router.get_outbound_stamp_cost(h) != a["cost"]:
            if time.time() > deadline:
                raise TimeoutError("the cost of %s is %r" % (a["hash"], self.router.get_outbound_stamp_cost(h)))
            time.sleep(0.02)

    def cmd_lxmf_forget_stamp_cost(self, a):
        self.router.outbound_stamp_costs.pop(bytes.fromhex(a["hash"]), None)

    def cmd_lxmf_send(self, a):
        """Returns at once; `message_state` events tell how it goes. With `ticket` the recipient gets one; `stamp_cost` overrides what he announced."""
        methods = {"opportunistic": LXMF.LXMessage.OPPORTUNISTIC, "direct": LXMF.LXMessage.DIRECT, "propagated": LXMF.LXMessage.PROPAGATED}
        h = bytes.fromhex(a["to"])
        i = RNS.Identity.recall(h)
        if i is None:
            raise ValueError("identity of " + a["to"] + " is not known")
        to = RNS.Destination(i, RNS.Destination.OUT, RNS.Destination.SINGLE, "lxmf", "delivery")
        fields = {int(k): bytes.fromhex(v) for k, v in a.get("fields", {}).items()}
        if a.get("files"):
            fields[LXMF.FIELD_FILE_ATTACHMENTS] = [[f["name"], payload(f)] for f in a["files"]]
        if a.get("image"):
            fields[LXMF.FIELD_IMAGE] = [a["image"]["name"], payload(a["image"])]
        if a.get("audio"):
            fields[LXMF.FIELD_AUDIO] = [a["audio"]["mode"], payload(a["audio"])]
        if a.get("reaction"):
            fields[0x40] = {0: bytes.fromhex(a["reaction"]["to"]), 1: a["reaction"]["text"].encode()}
        router, source = self.mailbox(a)
        content = payload(a, "blob").decode("latin-1") if a.get("blob") else a.get("content", "")
        m = LXMF.LXMessage(to, source, content, a.get("title", ""), fields=fields, desired_method=methods[a.get("method", "direct")],
                           stamp_cost=a.get("stamp_cost"), include_ticket=a.get("ticket", False))
        if a.get("timestamp") is not None:
            m.timestamp = a["timestamp"]

        def settled(message):
            emit({"event": "message_state", "message": message.hash.hex(), "state": message.state, "delivered": message.state == LXMF.LXMessage.DELIVERED,
                  "attempts": message.delivery_attempts, "monotonic_ns": time.monotonic_ns()})

        m.register_delivery_callback(settled)
        m.register_failed_callback(settled)
        router.handle_outbound(m)
        for _ in range(200):
            if m.hash is not None:
                break
            time.sleep(0.01)
        self.messages[m.hash.hex()] = m
        return {"id": m.hash.hex(), "files": [digest(payload(f)) for f in a.get("files", [])]}

    def cmd_lxmf_pack(self, a):
        """A signed message that is not sent, in base64: for a request that carries one. `identity` may be one without a mailbox."""
        name, source = a.get("identity"), self.source
        if name:
            if name not in self.sources:
                self.sources[name] = RNS.Destination(self.identities[name], RNS.Destination.IN, RNS.Destination.SINGLE, "lxmf", "delivery")
            source = self.sources[name]
        to = RNS.Destination(RNS.Identity.recall(bytes.fromhex(a["to"])), RNS.Destination.OUT, RNS.Destination.SINGLE, "lxmf", "delivery")
        fields = {int(k): bytes.fromhex(v) for k, v in a.get("fields", {}).items()}
        m = LXMF.LXMessage(to, source, a.get("content", ""), "", fields=fields, desired_method=LXMF.LXMessage.DIRECT)
        m.pack()
        return {"id": m.hash.hex(), "packed": base64.b64encode(m.packed).decode(), "source": source.hash.hex()}

    def cmd_lxmf_paper(self, a):
        h = bytes.fromhex(a["to"])
        to = RNS.Destination(RNS.Identity.recall(h), RNS.Destination.OUT, RNS.Destination.SINGLE, "lxmf", "delivery")
        m = LXMF.LXMessage(to, self.source, a["content"], "", desired_method=LXMF.LXMessage.PAPER)
        m.pack()
        return {"id": m.hash.hex(), "uri": m.as_uri()}

    def cmd_lxmf_ingest(self, a):
        return {"taken": bool(self.router.ingest_lxm_uri(a["uri"]))}

    def cmd_lxmf_node(self, a):
        """Chooses the propagation node to leave messages at and to collect from."""
        self.router.set_outbound_propagation_node(bytes.fromhex(a["node"]))

    def cmd_lxmf_sync(self, a):
        """Collects from the propagation node; messages come as events."""
        self.router.request_messages_from_propagation_node(self.source.identity, a.get("max", 0))
        deadline = time.time() + a.get("timeout", 60)
        while self.router.propagation_transfer_state not in (LXMF.LXMRouter.PR_COMPLETE, LXMF.LXMRouter.PR_NO_PATH, LXMF.LXMRouter.PR_LINK_FAILED,
                                                             LXMF.LXMRouter.PR_TRANSFER_FAILED, LXMF.LXMRouter.PR_FAILED):
            if time.time() > deadline:
                raise TimeoutError("collecting takes long, state %d" % self.router.propagation_transfer_state)
            time.sleep(0.02)
        if self.router.propagation_transfer_state != LXMF.LXMRouter.PR_COMPLETE:
            raise RuntimeError("collecting ended in state %d" % self.router.propagation_transfer_state)
        return {"count": self.router.propagation_transfer_last_result}

    def cmd_lxmf_packed(self, a):
        m = self.messages[a["message"]]
        return {"packed": m.packed.hex(), "attempts": m.delivery_attempts, "state": m.state}

    # --- requests to a group, as docs/requests.md shows them ---

    def cmd_proto(self, a):
        """Loads the messages of the request protocol from groupd.binpb; `dictionary` is the pages' codec 2."""
        from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
        pool = descriptor_pool.DescriptorPool()
        with open(a["binpb"], "rb") as f:
            for file in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file:
                pool.Add(file)
        with open(a["dictionary"], "rb") as f:
            self.dictionary = f.read()
        self.json_format = json_format
        self.kind = lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName("groupd.v1." + name))

    def cmd_call(self, a):
        """Asks `path` with the message `request` made of `body`, and reads the answer as the message `reply`."""
        data = None
        if a.get("request"):
            data = self.json_format.ParseDict(a.get("body") or {}, self.kind(a["request"])()).SerializeToString()
        answer = self.ask(a["link"], "/api/v1" + a["path"], data, a.get("timeout", 20))
        if not isinstance(answer, (bytes, bytearray)):
            raise ValueError("the answer to %s is %r" % (a["path"], answer))
        reply = self.kind(a["reply"]).FromString(bytes(answer))
        out = self.json_format.MessageToDict(reply, preserving_proto_field_name=True)
        out["bytes"] = len(answer)
        if a["reply"] == "MessagesReply" and reply.page:
            out.update(self.rows(reply.page))
        return out

    def cmd_attachment(self, a):
        """Asks for an attachment, and adds what comes to what was kept under the name `keep`. `leave`: closes the link while it comes."""
        body = self.json_format.ParseDict(a["body"], self.kind("AttachmentRequest")()).SerializeToString()
        done, timeout, came = threading.Event(), a.get("timeout", 30), {}

        def answered(r):
            came["answer"], came["file"] = r.response, r.metadata is not None
            if came["file"]:  # it is closed and deleted afterwards
                came["data"], came["answer"] = r.response.read(), r.metadata["reply"]
            done.set()

        def progress(r):
            if a.get("leave") and r.progress > 0:
                self.links[a["link"]].teardown()
                done.set()

        self.links[a["link"]].request("/api/v1/messages/attachment", data=body, response_callback=answered,
                                      failed_callback=lambda r: done.set(), progress_callback=progress, timeout=timeout)
        if not done.wait(timeout) or "answer" not in came:
            return {"failed": True}
        reply = self.kind("AttachmentReply").FromString(bytes(came["answer"]))
        out = self.json_format.MessageToDict(reply, preserving_proto_field_name=True)
        out.pop("data", None)
        self.kept = getattr(self, "kept", {})
        self.kept[a["keep"]] = self.kept.get(a["keep"], b"") + (came["data"] if came["file"] else reply.data)
        return {"reply": out, "file": came["file"], "kept": digest(self.kept[a["keep"]])}

    def cmd_prove(self, a):
        """Puts a signed original together from a proof and from what was kept of each attachment, and checks the signature."""
        body = self.json_format.ParseDict({"seq": a["seq"], "max_bytes": 4000}, self.kind("ProofRequest")()).SerializeToString()
        reply = self.kind("ProofReply").FromString(bytes(self.ask(a["link"], "/api/v1/messages/proof", body, 20)))
        original = bytes(reply.original)
        for at, name in zip(reply.attachments, a["kept"]):
            if hashlib.sha256(self.kept[name]).digest() != at.hash:
                raise ValueError(name + " is another")
            original = original[:at.at] + self.kept[name] + original[at.at:]
        author = RNS.Identity(create_keys=False)
        author.load_public_key(bytes(reply.public_key))
        signed = original[:32] + original[96:]
        signed += hashlib.sha256(signed).digest()
        return {"good": bool(author.validate(original[32:96], signed)), "attachments": len(reply.attachments)}

    def cmd_call_raw(self, a):
        """Asks with data as it is, and returns a digest of the answer: None would mean silence."""
        return digest(self.ask(a["link"], "/api/v1" + a["path"], payload(a), a.get("timeout", 20)))

    def cmd_call_json(self, a):
        """Asks `path` with JSON, and reads the answer as JSON."""
        return json.loads(self.ask(a["link"], "/api/v1" + a["path"], json.dumps(a.get("body") or {}), a.get("timeout", 20)))

    def ask(self, link, path, data, timeout):
        done = threading.Event()
        receipt = self.links[link].request(path, data=data, response_callback=lambda r: done.set(), failed_callback=lambda r: done.set(), timeout=timeout)
        if not receipt or not done.wait(timeout):
            raise TimeoutError("no answer to " + path)
        if receipt.status == RNS.RequestReceipt.FAILED:
            raise RuntimeError("the request " + path + " failed")
        return receipt.get_response()

    def rows(self, data):
        version, codec, body = data[0], data[1], data[2:]
        if version != 1 or codec > 2:
            raise ValueError("a page of a later time")
        if codec:
            inflate = zlib.decompressobj(-15, zdict=self.dictionary) if codec == 2 else zlib.decompressobj(-15)
            body = inflate.decompress(body, 1 << 20)
        page = self.kind("Page").FromString(body)
        at = lambda column, i: column[i] if i < len(column) else 0
        seq, rev, when, start, out = page.first_seq, page.first_rev, page.first_time, 0, []
        senders = getattr(page, "from")
        for i in range(page.count):
            if i:
                seq += at(page.seqs, i - 1) + 1
                rev += at(page.entry_revs, i - 1) + 1
                when += at(page.times, i - 1)
            who, kind = at(senders, i), at(page.kinds, i)
            end = start + at(page.text_lengths, i)
            out.append({"seq": seq, "rev": rev, "time": when, "name": page.senders[who - 1].name if who else "", "kind": kind & 15,
                        "deleted": kind >= 16, "text": page.text[start:end].decode(errors="replace")})
            start = end
        return {"entries": out, "more": page.more, "to_rev": page.from_rev + page.revs, "generation": str(page.generation), "codec": codec,
                "changed": [m.name for m in page.members]}

    def cmd_exit(self, a):
        RNS.Reticulum.exit_handler()
        emit({"id": a["id"], "ok": True, "result": None})
        os._exit(0)


class Heard:
    aspect_filter = None
    receive_path_responses = True

    def received_announce(self, destination_hash, announced_identity, app_data, announce_packet_hash, is_path_response):
        ratchet = RNS.Identity.get_ratchet(destination_hash)
        emit({"event": "announce", "destination": destination_hash.hex(), "identity": announced_identity.hash.hex(),
              "app_data": app_data.hex() if app_data is not None else None, "path_response": bool(is_path_response),
              "ratchet": ratchet.hex() if ratchet else None})


def main():
    sys.stdout = sys.stderr  # what the packages print must not get between our lines
    peer = Peer()

    def run(a):
        try:
            emit({"id": a["id"], "ok": True, "result": getattr(peer, "cmd_" + a["cmd"])(a)})
        except Exception as e:
            emit({"id": a["id"], "ok": False, "error": "%s: %s" % (type(e).__name__, e)})

    # Not sys.stdin: LXMF forks to make stamps, and the children close sys.stdin, whose lock this loop would hold.
    commands = os.fdopen(os.dup(sys.stdin.fileno()))
    sys.stdin = open(os.devnull)
    for line in commands:
        a = json.loads(line)
        if a["cmd"] in ("start", "lxmf", "exit"):
            run(a)  # signal handlers want the main thread
        else:
            threading.Thread(target=run, args=(a,), daemon=True).start()
    os._exit(0)


main()
