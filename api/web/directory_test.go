package web_test

import (
	"fmt"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestTheDirectoryIsListedInPages(t *testing.T) {
	h := newHouse(t)
	at := time.Now().Add(-2 * time.Hour)
	if err := h.store.Update(t.Context(), func(tx group.Tx) error {
		for i, name := range []string{"Ridge", "Ferry", "Valley-Net"} {
			g := group.ListedGroup{
				Number: uint64(i + 1), Identity: someone(byte('p' + i)).Identity, Name: name, Public: i == 0, Joining: moderation.JoiningApprove, Hops: i + 1,
				Interface: "LoRa", First: at, Last: at, Emitted: at,
			}
			if err := tx.PutListed(g); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p := h.must("GET", "/directory?limit=2", "")
	rows := p["groups"].([]any)
	if len(rows) != 2 || fmt.Sprint(p["total"]) != "3" || fmt.Sprint(p["next"]) != "2" {
		t.Fatalf("%v", p)
	}
	ridge := rows[0].(map[string]any)
	for field, want := range map[string]string{
		"name": "Ridge", "visibility": "public", "join": "approve", "hops": "1", "interface": "LoRa", "heard_s_ago": "7200", "alike": "<nil>",
		"address": group.AddressOf(someone('p').Identity).String(), "identity": someone('p').Identity.String(),
	} {
		if got := fmt.Sprint(ridge[field]); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	p = h.must("GET", "/directory?after=2", "")
	info, err := h.node.hub.Info(t.Context(), group.Caller{Local: true}, "main")
	if err != nil {
		t.Fatal(err)
	}
	if rows := p["groups"].([]any); len(rows) != 1 || rows[0].(map[string]any)["alike"] != info.Identity.String() || p["next"] != nil {
		t.Errorf("the second page: %v", p)
	}
	if p = h.must("GET", "/directory?text=FERRY", ""); len(p["groups"].([]any)) != 1 {
		t.Errorf("found: %v", p)
	}
	if code, _ := h.call("GET", "/directory?after=x", ""); code != 422 {
		t.Errorf("a bad number: %d", code)
	}
}
