"""Pages for peer.py: a client that asks for them as NomadNet and MeshChat do, written from the protocol notes (spec 4 §7.10, 7.12) and
from what NomadNet was seen to ask, and a small node that tells what it is asked.
"""
import os
import threading
import time

import RNS

from wire import digest, emit, plain

KEPT = 12 * 3600  # how long NomadNet keeps a page that does not say, in seconds


class PageClient:
    """One person's browser, open at one node. style is nomadnet or meshchat."""

    def __init__(self, node, style, identity, adopt):
        self.node, self.style, self.identity, self.adopt = bytes.fromhex(node), style, identity, adopt
        self.link, self.cache, self.identify_always = None, {}, False
        self.asked = []  # what went over the network

    def open(self, timeout):
        """The link is used until it dies."""
        if self.link and self.link.status == RNS.Link.ACTIVE:
            return
        deadline = time.time() + timeout
        while not RNS.Transport.has_path(self.node):
            RNS.Transport.request_path(self.node)
            if time.time() > deadline:
                raise TimeoutError("no path to the node")
            time.sleep(0.2)
        done = threading.Event()
        to = RNS.Destination(RNS.Identity.recall(self.node), RNS.Destination.OUT, RNS.Destination.SINGLE, "nomadnetwork", "node")
        link = RNS.Link(to, established_callback=lambda l: done.set(), closed_callback=lambda l: done.set())
        if not done.wait(timeout) or link.status != RNS.Link.ACTIVE:
            raise TimeoutError("link was not established")
        self.link = link
        self.adopt(link)
        if self.style == "nomadnet" and self.identify_always:
            link.identify(self.identity)

    def identify(self, timeout):
        """NomadNet: a mark in the list of saved nodes, which counts for links that are opened later. MeshChat: a button, which
        identifies on the link that is there."""
        if self.style == "nomadnet":
            self.identify_always = True
            return
        self.open(timeout)
        self.link.identify(self.identity)

    def disconnect(self):
        if self.link:
            self.link.teardown()
        self.link = None

    def key(self, path, data):
        """NomadNet 1.4.4 and MeshChat tell pages apart by their variables, but not by what was typed into fields."""
        return path + "".join("`%s=%s" % (k, v) for k, v in (data or {}).items() if k.startswith("var_"))

    def page(self, path, data, reload, back, timeout):
        kept = self.cache.get(self.key(path, data))
        if self.style == "nomadnet" and not data and not reload and kept and kept[0] > time.time():
            return kept[1], True
        if self.style == "meshchat" and back and kept:
            return kept[1], True
        if self.style == "nomadnet":
            data = data or None
        else:
            data = data or {}
        page = self.ask(path, data, timeout).get_response()
        if not isinstance(page, bytes):
            raise TypeError("a page must be bytes, %s came" % type(page).__name__)
        text = page.decode("utf-8")
        if self.style == "meshchat":
            self.cache[self.key(path, data)] = (float("inf"), text)
        else:
            seconds = KEPT
            if text.startswith("#!c="):
                seconds = int(text[4:].split("\n", 1)[0])
            if seconds > 0:
                self.cache[self.key(path, data)] = (time.time() + seconds, text)
            else:
                self.cache.pop(self.key(path, data), None)
        return text, False

    def file(self, path, data, timeout):
        came = {}

        def take(receipt):  # the file is open only here
            response = receipt.get_response()
            if isinstance(response, (list, tuple)):  # the older form
                came.update(name=response[0], data=response[1], form="list")
            else:
                came.update(name=receipt.metadata["name"], data=response.read(), form="resource")

        self.ask(path, data or None, timeout, take)
        if came["form"] == "resource" and not isinstance(came["name"], bytes):
            raise TypeError("the name of a file must be bytes")
        name = came["name"]
        return name.decode("utf-8") if isinstance(name, bytes) else name, came["data"], came["form"]

    def ask(self, path, data, timeout, take=lambda receipt: None):
        self.open(timeout)
        done = threading.Event()

        def answered(receipt):
            try:
                take(receipt)
            finally:
                done.set()

        receipt = self.link.request(path, data=data, response_callback=answered, failed_callback=lambda r: done.set())
        self.asked.append(path)
        if not receipt or not done.wait(timeout) or receipt.status == RNS.RequestReceipt.FAILED:
            raise TimeoutError("no answer to " + path)
        return receipt


class Pages:
    """Commands of peer.py about pages."""

    def __init__(self):
        self.browsers = {}

    def cmd_browser(self, a):
        self.browsers[a["browser"]] = PageClient(a["node"], a["style"], self.identities[a["identity"]], self.adopt)

    def cmd_page_address(self, a):
        """The address of the pages of a group whose LXMF address is known."""
        return {"hash": RNS.Destination.hash(RNS.Identity.recall(bytes.fromhex(a["hash"])), "nomadnetwork", "node").hex()}

    def cmd_page(self, a):
        b = self.browsers[a["browser"]]
        text, kept = b.page(a["path"], a.get("page_data"), a.get("reload"), a.get("back"), a.get("timeout", 20))
        return {"page": text, "kept": kept, "link": b.link.link_id.hex() if b.link else None}

    def cmd_page_file(self, a):
        name, data, form = self.browsers[a["browser"]].file(a["path"], a.get("page_data"), a.get("timeout", 30))
        return {"name": name, "data": digest(data), "form": form}

    def cmd_page_identify(self, a):
        self.browsers[a["browser"]].identify(20)

    def cmd_page_disconnect(self, a):
        self.browsers[a["browser"]].disconnect()

    def cmd_page_cache(self, a):
        return {"pages": {k: v[1] for k, v in self.browsers[a["browser"]].cache.items()}, "asked": self.browsers[a["browser"]].asked}

    def cmd_page_node(self, a):
        """A node that serves these pages and files, and tells what it is asked. "{n}" in a page is how often it was asked for."""
        d = RNS.Destination(self.identities[a["identity"]], RNS.Destination.IN, RNS.Destination.SINGLE, "nomadnetwork", "node")
        folder, count = a["folder"], {}

        def answer(path, data, request_id, link_id, remote_identity, requested_at):
            emit({"event": "page_request", "path": path, "data": plain(data), "kind": type(data).__name__, "link": link_id.hex(),
                  "remote": remote_identity.hash.hex() if remote_identity else None})
            time.sleep(0.06)  # a stock client loses an answer that comes within a few milliseconds
            if path in a.get("files", {}):
                name = os.path.join(folder, os.path.basename(path))
                with open(name, "wb") as f:
                    f.write(a["files"][path].encode())
                return [open(name, "rb"), {"name": os.path.basename(path).encode()}]
            count[path] = count.get(path, 0) + 1
            return a["pages"][path].replace("{n}", str(count[path])).encode()

        def linked(link):
            name = link.link_id.hex()
            emit({"event": "page_link", "link": name})
            link.set_remote_identified_callback(lambda l, i: emit({"event": "page_identified", "link": name, "identity": i.hash.hex()}))

        for path in list(a["pages"]) + list(a.get("files", {})):
            d.register_request_handler(path, response_generator=answer, allow=RNS.Destination.ALLOW_ALL)
        d.set_link_established_callback(linked)
        self.destinations[a["name"]] = d
        return {"hash": d.hash.hex()}
