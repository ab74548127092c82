package interop

import (
	"testing"
	"time"
)

// The harness itself: two stock peers find each other, so that a failure elsewhere is ours.
func TestTwoPythonPeersTalk(t *testing.T) {
	port := freePort(t, "127.0.0.1")
	a := StartPeer(t, "a", ServerConfig("127.0.0.1", port))
	b := StartPeer(t, "b", ClientConfig("127.0.0.1", port))
	a.Do("identity", Args{"name": "me"})
	hash := a.Do("destination", Args{"name": "d", "identity": "me", "app": "groupd", "aspects": []string{"interop"}})["hash"].(string)
	a.Do("announce", Args{"name": "d", "app_data": "6869"})
	e := b.Await("announce", 10*time.Second, func(e Event) bool { return e.Text("destination") == hash })
	if e.Text("app_data") != "6869" {
		t.Fatalf("app data %q", e.Text("app_data"))
	}
	link := b.Do("open_link", Args{"hash": hash, "app": "groupd", "aspects": []string{"interop"}})["link"].(string)
	r := b.Do("request", Args{"link": link, "path": "/blob", "data": "783a35303030"})
	if got, want := digestOf(r["data"]), DigestOf(Blob("x", 5000, false)); got != want {
		t.Fatalf("response %+v, want %+v", got, want)
	}
}
