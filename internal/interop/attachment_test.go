package interop

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fetched asks for an attachment and returns the reply, and what this member has of it by now.
func (m *member) fetched(keep string, body Args, more ...string) (reply map[string]any, file bool, kept Digest) {
	m.t.Helper()
	args := Args{"link": m.link, "keep": keep, "body": body}
	for _, word := range more {
		args[word] = true
	}
	r := m.Do("attachment", args)
	reply, _ = r["reply"].(map[string]any)
	file, _ = r["file"].(bool)
	return reply, file, digestOf(r["kept"])
}

// filesOn counts the contents of attachments that a server has.
func filesOn(t *testing.T, s *Server) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.Data, "attachments", "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// One stock program sends an image, a file and a sound; another member fetches them whole and in parts, over a link that breaks in the
// middle, and proves whose they are. When the post is deleted, they are gone.
func TestAttachmentsReachOtherMembersByRange(t *testing.T) {
	t.Parallel()
	server := NewServer(t, BuildGroupd(t), openGroup)
	server.Start()
	address := server.JSON("group", "show")["address"].(string)
	ann, bob := newMember(t, server, "Ann", address), newMember(t, server, "Bob", address)
	for _, m := range []*member{ann, bob} {
		m.must("/join", "JoinRequest", map[string]any{"name": m.name}, "JoinReply")
	}

	image, file, sound := Blob("image", 90_000, false), Blob("file", 400_000, false), Blob("sound", 900, false)
	id := ann.Do("lxmf_send", Args{"to": ann.group, "content": "look", "method": "direct", "image": Args{"name": "webp", "data": BlobArg("image", 90_000, false)},
		"files": []Args{{"name": "../../etc/\u202egpj.map", "data": BlobArg("file", 400_000, false)}}, "audio": Args{"mode": 16, "data": BlobArg("sound", 900, false)}})["id"]
	if s := ann.Await("message_state", 40*time.Second, func(e Event) bool { return e.Text("message") == id }); s.Fields["delivered"] != true {
		t.Fatalf("not delivered: %v", s.Fields)
	}
	post := bob.page()["look"]
	if post == nil || len(post.GetAttachments()) != 3 {
		t.Fatalf("Bob sees %v", post)
	}
	index := make(map[string]int)
	var order []string
	for i, a := range post.GetAttachments() {
		name := a.GetKind().String()
		index[name], order = i, append(order, name)
		content := map[string][]byte{"IMAGE": image, "FILE": file, "AUDIO": sound}[name]
		if want := map[string]string{"IMAGE": "webp", "FILE": "gpj.map"}[name]; a.GetName() != want || a.GetSize() != uint64(len(content)) ||
			hex.EncodeToString(a.GetHash()) != DigestOf(content).SHA256[:16] || (name == "AUDIO") != (a.GetMode() == 16) {
			t.Errorf("Bob sees %v", a)
		}
	}
	ask := func(name string, more Args) Args {
		q := Args{"seq": post.GetSeq(), "index": index[name]}
		for k, v := range more {
			q[k] = v
		}
		return q
	}

	if _, isFile, got := bob.fetched("AUDIO", ask("AUDIO", nil)); isFile || got.SHA256 != DigestOf(sound).SHA256 {
		t.Errorf("the sound: %v", got)
	}
	reply, isFile, got := bob.fetched("IMAGE", ask("IMAGE", nil))
	if whole, err := base64.StdEncoding.DecodeString(reply["attachment"].(map[string]any)["hash"].(string)); err != nil || !isFile ||
		got.SHA256 != DigestOf(image).SHA256 || hex.EncodeToString(whole) != got.SHA256 {
		t.Errorf("the image: %v, %v", reply, got)
	}

	// A part, then a link that breaks during the next, and the rest over another one.
	if _, isFile, got = bob.fetched("FILE", ask("FILE", Args{"length": 150_000})); !isFile || got.SHA256 != DigestOf(file[:150_000]).SHA256 {
		t.Fatalf("the first part: %v", got)
	}
	bob.fetched("lost", ask("FILE", Args{"offset": 150_000}), "leave")
	bob.connect()
	if reply, _, got = bob.fetched("FILE", ask("FILE", Args{"offset": 150_000})); got.SHA256 != DigestOf(file).SHA256 {
		t.Errorf("after the rest: %v, %v", reply, got)
	}
	if r := bob.Do("prove", Args{"link": bob.link, "seq": post.GetSeq(), "kept": order}); r["good"] != true || r["attachments"] != 3.0 {
		t.Errorf("the proof: %v", r)
	}

	if n := filesOn(t, server); n != 3 {
		t.Errorf("the server has %d contents", n)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	server.Do("backup", backup)
	ann.must("/messages/delete", "DeleteRequest", map[string]any{"seqs": []uint64{post.GetSeq()}}, "DeleteReply")
	if reply, _, _ := bob.fetched("gone", ask("IMAGE", nil)); reply["status"].(map[string]any)["code"] != "NOT_FOUND" {
		t.Errorf("after it was deleted: %v", reply)
	}
	for deadline := time.Now().Add(5 * time.Second); filesOn(t, server) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d contents are left", filesOn(t, server))
		}
		server.JSON("status")
	}
	if left, err := os.ReadDir(filepath.Join(server.Data, "spool")); err != nil || len(left) > 0 {
		t.Errorf("the spool holds %v, %v", left, err)
	}

	server.Stop()
	server.Do("restore", "--yes", backup)
	if n := filesOn(t, server); n != 3 {
		t.Errorf("%d contents are restored", n)
	}
}
