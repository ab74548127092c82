package pages_test

import (
	"testing"

	"groupd/moderation"
)

// FuzzForms types a text everywhere into a form, of whatever kind, and sends it with its nonce as far as the pages lead: no page fails (loud) or
// is too large or too wide (checkPage).
func FuzzForms(f *testing.F) {
	forms := guardedForms()
	for i, text := range evil() {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, n uint8, typed string) {
		form := forms[int(n)%len(forms)]
		if form.new.Preset != "" {
			return
		}
		joining := moderation.JoiningApprove
		if form.new.Public {
			joining = moderation.JoiningOpen
		}
		w := crowded(t, "x", joining)
		w.fillAll(t, form, typed)
	})
}
