"""A stock Reticulum or LXMF node that is measured: the twin of main.go here, with the same commands.

One JSON object per line. In: {"id": n, "cmd": name, ...}. Out: {"id": n, "ok": true, "result": ...} or {"id": n, "ok": false,
"error": text}.
"""
import json
import os
import resource
import sys
import threading
import time

out_lock = threading.Lock()


def emit(obj):
    with out_lock:
        sys.__stdout__.write(json.dumps(obj) + "\n")
        sys.__stdout__.flush()


CONFIG = """[reticulum]
enable_transport = %s
share_instance = no
panic_on_interface_error = no

[logging]
loglevel = 1

[interfaces]
"""

UPLINK = """[[%s]]
type = TCPClientInterface
enabled = yes
target_host = 127.0.0.1
target_port = %d
"""

# Nothing may be held back: not the handling of announces is measured otherwise, but their limits.
UNLIMITED = """bitrate = 1000000000
announce_cap = 100
ingress_control = no
"""


class Peer:
    def cmd_start(self, a):
        import RNS
        self.RNS = RNS
        text = CONFIG % ("yes" if a.get("transport") else "no")
        for u in a.get("uplinks", []):
            text += UPLINK % (u["name"], u["port"]) + (UNLIMITED if a.get("transport") else "")
        with open(os.path.join(a["dir"], "config"), "w") as f:
            f.write(text)
        RNS.Reticulum(configdir=a["dir"], loglevel=1)
        return {"transport_id": RNS.Transport.identity.hash.hex(), "version": RNS.__version__}

    def cmd_tables(self, a):
        return {"paths": len(self.RNS.Transport.path_table)}

    def cmd_usage(self, a):
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        with open("/proc/self/statm") as f:
            pages = int(f.read().split()[1])
        return {"cpu": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, "rss": pages * resource.getpagesize()}

    def cmd_destination(self, a):
        """A destination that proves packets, answers /echo and takes resources."""
        RNS = self.RNS
        self.destination = d = RNS.Destination(RNS.Identity(), RNS.Destination.IN, RNS.Destination.SINGLE, "bench", "peer")
        d.set_proof_strategy(RNS.Destination.PROVE_ALL)
        d.set_link_established_callback(lambda link: link.set_resource_strategy(RNS.Link.ACCEPT_ALL))
        d.register_request_handler("/echo", response_generator=lambda path, data, request_id, link_id, remote, at: data, allow=RNS.Destination.ALLOW_ALL)
        d.announce()
        return {"hash": d.hash.hex()}

    def cmd_lxmf(self, a):
        """An LXMF address that takes and proves everything."""
        import LXMF
        self.received = 0
        self.router = LXMF.LXMRouter(storagepath=os.path.join(a["dir"], "lxmf"))
        self.source = self.router.register_delivery_identity(self.RNS.Identity(), display_name="bench")
        self.router.register_delivery_callback(self.count)
        self.router.announce(self.source.hash)
        return {"hash": self.source.hash.hex(), "version": LXMF.__version__}

    def count(self, message):
        self.received += 1

    def cmd_received(self, a):
        return {"messages": self.received}

    def cmd_send_messages(self, a):
        """Sends direct messages, one at a time and then many at once."""
        import LXMF
        h = bytes.fromhex(a["to"])
        to = self.RNS.Destination(self.RNS.Identity.recall(h), self.RNS.Destination.OUT, self.RNS.Destination.SINGLE, "lxmf", "delivery")

        def send():
            proved = threading.Event()
            m = LXMF.LXMessage(to, self.source, a["content"], "", desired_method=LXMF.LXMessage.DIRECT)
            m.register_delivery_callback(lambda message: proved.set())
            self.router.handle_outbound(m)
            return proved

        took = []
        for i in range(a["count"] + 1):
            began = time.monotonic()
            if not send().wait(60):
                raise TimeoutError("not proved")
            if i > 0:  # the first may open the link
                took.append(time.monotonic() - began)
        began = time.monotonic()
        if not all(proved.wait(300) for proved in [send() for _ in range(a["bulk"])]):
            raise TimeoutError("not all proved")
        return {"median": sorted(took)[len(took) // 2], "rate": a["bulk"] / (time.monotonic() - began)}

    def cmd_make_stamps(self, a):
        from LXMF import LXStamper
        rounds = 0
        for _ in range(a["count"]):
            message = os.urandom(32)
            _, n = LXStamper.job_linux(a["cost"], LXStamper.stamp_workblock(message), message)
            rounds += n
        return {"rounds": rounds}

    def cmd_check_stamps(self, a):
        from LXMF import LXStamper
        for _ in range(a["count"]):
            LXStamper.stamp_valid(os.urandom(32), a["cost"], LXStamper.stamp_workblock(os.urandom(32)))


def main():
    sys.stdout = sys.stderr  # what the packages print must not get between our lines
    peer = Peer()
    # Not sys.stdin: LXMF forks to make stamps, and the children close sys.stdin, whose lock this loop would hold.
    commands = os.fdopen(os.dup(sys.stdin.fileno()))
    sys.stdin = open(os.devnull)
    for line in commands:
        a = json.loads(line)
        try:
            emit({"id": a["id"], "ok": True, "result": getattr(peer, "cmd_" + a["cmd"])(a)})
        except Exception as e:
            emit({"id": a["id"], "ok": False, "error": "%s: %s" % (type(e).__name__, e)})
    os._exit(0)


main()
