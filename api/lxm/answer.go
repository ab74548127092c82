package lxm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"groupd/api/signed"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// glyph begins all that the server says itself: no name and no post begins like this.
const glyph = string(moderation.NoticeGlyph) + " "

// Sizes in bytes of what an answer consists of besides its content, when sent in one opportunistic packet (spec 4 §1.2,
// §1.3): source and signature; array head, timestamp, empty title, head of the content; the marker; and a stamp with its
// head, since the recipient may ask for one.
const (
	answerHeader  = rns.TruncatedHashLength + rns.SignatureLength
	answerPayload = 1 + 9 + 2 + 2
	answerMarker  = 1 + 2 + 1 + len(signed.MarkerType)
	answerStamp   = 2 + lxmf.StampLength
	// answerTicket is what a ticket adds: key, array head, expiry, ticket with its head. It goes where there is room for it.
	answerTicket = 1 + 1 + 9 + 2 + lxmf.TicketLength

	// MaxContent is the largest content of one answer.
	MaxContent = lxmf.MaxOpportunistic - answerHeader - answerPayload - answerMarker - answerStamp
)

// Marker is the fields that every automatic message of the group carries.
func Marker() lxmf.Fields {
	var f lxmf.Fields
	f.Set(lxmf.FieldCustomType, msgpack.Str(signed.MarkerType))
	return f
}

// Marked is signed.Marked.
func Marked(f lxmf.Fields) bool { return signed.Marked(f) }

// say sends messages to one person, in their order. Their content and marker are added to o. A ticket goes with the first that
// has room for it in its packet, else with the last. It reports whether all are queued, and kept where o says so.
func (s *Server) say(ctx context.Context, o Outbound, contents ...string) bool {
	o.Fields = Marker()
	ticket := len(contents) - 1
	if i := slices.IndexFunc(contents, func(c string) bool { return len(c)+answerTicket <= MaxContent }); i >= 0 {
		ticket = i
	}
	wanted := o.Ticket
	for i, c := range contents {
		o.Content, o.Ticket = []byte(c), wanted && i == ticket
		if err := s.config.Send(ctx, o); err != nil {
			s.count.answersLost.Add(1)
			s.log.Warn("answer not sent", "dest", o.To, "err", err)
			return false
		}
		s.count.answers.Add(1)
	}
	return true
}

// whole makes as many messages of a text as it needs, numbered when there are several.
func whole(text string) []string {
	if len(glyph)+len(text) <= MaxContent {
		return []string{glyph + text}
	}
	parts := chunks(strings.Split(text, "\n"), MaxContent-len(glyph)-len("(10/10) "))
	for i := range parts {
		parts[i] = fmt.Sprintf("%s(%d/%d) %s", glyph, i+1, len(parts), parts[i])
	}
	return parts
}

// paged is one page of a list, counted from 1; more is the command that shows another one when its number is added.
func paged(lines []string, page int, more string) []string {
	text := strings.Join(lines, "\n")
	if page <= 1 && len(glyph)+len(text) <= MaxContent {
		return []string{glyph + text}
	}
	parts := chunks(lines, MaxContent-len(glyph)-len("(100/100) ")-len("\nMore: ")-len(more)-len(" 100"))
	if page = max(page, 1); page > len(parts) {
		return whole(textNoSuchPage(len(parts)))
	}
	text = fmt.Sprintf("%s(%d/%d) %s", glyph, page, len(parts), parts[page-1])
	if page < len(parts) {
		text += fmt.Sprintf("\nMore: %s %d", more, page+1)
	}
	return []string{text}
}

// chunks joins lines into texts of at most width bytes; a line that is longer is folded.
func chunks(lines []string, width int) []string {
	var out []string
	var b strings.Builder
	flush := func() {
		out = append(out, b.String())
		b.Reset()
	}
	for _, line := range lines {
		for {
			room := width
			if b.Len() > 0 {
				room -= b.Len() + 1
			}
			if len(line) > room && b.Len() > 0 && (len(line) <= width || room < width/4) {
				flush()
				continue
			}
			head := line
			if len(line) > room {
				head, line = fold(line, room)
			} else {
				line = ""
			}
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(head)
			if line == "" {
				break
			}
			flush()
		}
	}
	if b.Len() > 0 || len(out) == 0 {
		flush()
	}
	return out
}

// fold cuts a line of more than width bytes at a space, or at least between two characters.
func fold(line string, width int) (head, rest string) {
	head = clip(line, width)
	if i := strings.LastIndexByte(head, ' '); i > width/2 {
		head = head[:i]
	}
	return head, strings.TrimLeft(line[len(head):], " ")
}

// clip shortens s to at most n bytes, at a character's end; at least one character stays.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 1 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// brief is clip with a sign that something is missing.
func brief(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.TrimRight(clip(s, n-len("…")), " ") + "…"
}
