package pages_test

import (
	"context"
	"testing"

	"groupd/group"
	"groupd/internal/micron"
)

func TestPagesThatOnlyShowWaitForTheirTurnAndFormsDoNot(t *testing.T) {
	w := newTown(t, group.NewGroup{Public: true})
	taken, held := 0, 0
	turn := func(context.Context) (func(), error) {
		taken++
		held++
		return func() { held-- }, nil
	}
	v := w.visitor(micron.NomadNet, "Ann")
	v.Get = func(path string, data map[string]string) []byte {
		b := w.server.HandleInTurn(t.Context(), v.caller, v.link, path, packed(data), turn)
		if held != 0 {
			t.Errorf("%s did not give its turn back", path)
		}
		return b
	}
	v.opens("history.mu").opens("post.mu")
	if taken != 2 {
		t.Errorf("two pages took %d turns", taken)
	}
	v.fills("text", "Good evening").follows("Send").reads("Posted as #3")
	if taken != 2 {
		t.Error("a form that was sent waited for a turn with those who only look")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	turn = func(ctx context.Context) (func(), error) { return nil, ctx.Err() }
	if b := w.server.HandleInTurn(gone, v.caller, v.link, "/page/history.mu", nil, turn); len(b) == 0 {
		t.Error("no page")
	}
}
