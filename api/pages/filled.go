package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// typed is what stands in a field of a form: what was sent, else what a link gave along, else what is stored.
func (v *visit) typed(name, stored string) string {
	if v.again {
		return stored
	}
	if t, ok := v.fields[name]; ok {
		if v.untouched(name) {
			return stored
		}
		return t
	}
	if t, ok := v.variables[name]; ok {
		return t
	}
	return stored
}

// hadVariable is the variable of a form that says which of its boxes were shown ticked, a bit for each. Others are as they are, whoever has
// changed them meanwhile.
const hadVariable = "had"

// flipped reports whether a box was ticked, or the tick taken away, since it was shown. A box that is not ticked is not sent.
func (v *visit) flipped(name string, bit uint64) bool {
	return (v.field(name) != "") != (v.number(hadVariable)&bit != 0)
}

// ticked reports whether a box is ticked: as it is stored, unless a form was sent that changes that.
func (v *visit) ticked(name string, bit uint64, stored bool) bool {
	if v.variables[formVariable] == "" || v.again || !v.flipped(name, bit) {
		return stored
	}
	return v.field(name) != ""
}

// changed is what a field was changed to: nil where it was not sent, or says what it was shown with.
func (v *visit) changed(name string) *string {
	t, ok := v.fields[name]
	if !ok || v.untouched(name) {
		return nil
	}
	return &t
}

// shownAs are variables of a form that say what fields were shown with (name, what is stored, …), so that who leaves a field alone does not undo
// what somebody else changed meanwhile.
func shownAs(pairs ...string) (vars []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		vars = append(vars, shownVariable+pairs[i], markOf(pairs[i+1]))
	}
	return vars
}

const shownVariable = "was" // and the name of the field

func markOf(text string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(plain(moderation.CleanLine(text)))))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// untouched reports whether a field was sent as it was shown, as far as the form says that.
func (v *visit) untouched(name string) bool {
	shown := v.variables[shownVariable+name]
	return shown != "" && shown == markOf(v.fields[name])
}

// emptied reports whether a field is sent empty that the form says it was shown with something in.
func (v *visit) emptied(name string) bool {
	t, ok := v.fields[name]
	return ok && strings.TrimSpace(t) == "" && v.variables[shownVariable+name] != ""
}

// which is the one of several forms that was sent and may be done now; "" for none.
func (s *Server) which(v *visit, forms ...string) string {
	for _, form := range forms {
		if s.taken(v, form) {
			return form
		}
	}
	return ""
}

// clear forgets what was sent, after it was done: forms show what is stored again.
func (v *visit) clear() {
	clear(v.fields)
	delete(v.variables, formVariable)
}

// span is a duration as typed in a field or given along by a link; 0 for nothing.
func (v *visit) span(name string) (time.Duration, error) {
	text := strings.Join(strings.Fields(v.value(name)), "") // NomadNet's fields take several lines
	if text == "" {
		return 0, nil
	}
	d, ok := words.Duration(text)
	if !ok {
		return 0, invalid(name, "write a time as 30m, 2h, 7d or 1w")
	}
	return d, nil
}

// invalid refuses what stands in a field, in words of its own.
func invalid(op, msg string) error { return &group.Error{Kind: group.KindInvalid, Op: op, Msg: msg} }

// can reports whether the rules allow the caller an action in the group, whom it concerns aside. It is for what is shown: the Hub decides
// again about what is done.
func (s *Server) can(v *visit, a moderation.Action) bool {
	if v.powers == nil {
		list, err := s.hub.Powers(v.ctx, v.caller, s.group)
		if err != nil {
			s.note(v, err)
		}
		v.powers = append(make([]moderation.Action, 0, len(list)), list...)
	}
	return slices.Contains(v.powers, a)
}

// reload reads what a page shows of the group again, after a change.
func (s *Server) reload(v *visit) {
	info, err := s.hub.Info(v.ctx, v.caller, s.group)
	if err != nil {
		s.note(v, err)
		return
	}
	v.info, v.powers = info, nil
}

// done begins a page that says what was done.
func (s *Server) done(v *visit, title, text string) *page {
	s.reload(v)
	p := s.page(v, title)
	p.end().bold(text).nl().nl()
	return p
}

// sure begins the second page of what can not be taken back, or only with trouble. What follows it are lines that say what will happen, and
// then answers.
func (s *Server) sure(v *visit, title, question string) *page {
	p := s.page(v, title)
	v.sentNote(p)
	p.end().bold(question).nl().nl()
	return p
}

// yesNo are the links of a second page: the form that does it, with the values that were filled in, and the way back.
func (s *Server) yesNo(v *visit, p *page, form, yes, back string, backVars []string, vars ...string) {
	p.nl()
	s.form(v, p, form, yes, vars...)
	p.text("   ").link("No", back, backVars...).nl()
}

// tried begins a page with a form, and says what came of the form before: what was done, nothing for "", or why it was not.
func (s *Server) tried(v *visit, title, done string, failed error) *page {
	p := s.page(v, title)
	if done != "" {
		p.end().bold(done).nl().nl()
	}
	if failed != nil {
		s.refusal(v, p, failed)
	}
	v.sentNote(p)
	return p
}

// box is a field for text, with what it is for in front of it.
type box struct {
	label, name string
	columns     int
	value       string
}

// boxes writes fields, each on a line of its own. What stands in them is shown as long as the page keeps room for the others, and so many
// bytes for what follows; what is too long is left out, which the page says.
func boxes(p *page, after int, list ...box) {
	const tooLong = "What you typed here is too long to be shown again:"
	for _, b := range list {
		after += b.bytes()
		if len(b.value) > len(tooLong) {
			after += len(tooLong) + 1
		}
	}
	for _, b := range list {
		if shown := plain(moderation.CleanLine(b.value)); shown != "" && len(shown) > p.room()-after {
			p.line(tooLong)
			b.value = ""
		}
		after -= b.bytes()
		b.write(p)
	}
}

// bytes is how much room it takes with nothing in it.
func (b box) bytes() int {
	b.value = ""
	return len(fragment(func(p *page) { b.write(p) }))
}

func (b box) write(p *page) { p.end().text(b.label+" ").input(b.name, b.columns, b.value).nl() }

// labelled is one such field, with little behind it.
func labelled(p *page, label, name string, columns int, value string) {
	const little = 300
	boxes(p, little, box{label, name, columns, value})
}

// brief is what was typed into a field that holds a few signs; nothing where it is more.
func brief(typed string) string {
	const few = 40
	if len(typed) > few {
		return ""
	}
	return typed
}

// ago is how long something is past; of what nobody knows when it was, that.
func (s *Server) ago(t time.Time) string {
	if t.IsZero() {
		return "some time ago"
	}
	return moderation.Passed(s.hub.Now().Sub(t)) + " ago"
}

// left is how long something lasts still, with a space in front; "" for good.
func (s *Server) left(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return " for another " + moderation.Remaining(until.Sub(s.hub.Now()))
}

// ends is when something ends, behind what it is; nothing where it does not.
func (s *Server) ends(what string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return what + " ends in " + moderation.Remaining(at.Sub(s.hub.Now()))
}

// lasting says how long something will last.
func lasting(d time.Duration, forGood string) string {
	if d == 0 {
		return forGood
	}
	return "for " + moderation.Passed(d)
}

// nameOr is a name, or the beginning of a hash where there is none.
func nameOr(name string, h group.AnyHash) string {
	if name == "" {
		return h.Short()
	}
	return name
}
