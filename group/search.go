package group

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"groupd/moderation"
)

// Bounds of a search.
const (
	MaxSearchBytes = 200 // of the text
	maxSearchWords = 8
)

// SearchInput says what to look for: text, an author, a time, or several of them.
type SearchInput struct {
	Text   string    // each of its words must begin a word of a post's title or text; case and accents do not matter
	Author AnyHash   // zero: anybody
	Since  time.Time // not before; zero: no bound
	Until  time.Time // before; zero: no bound
	Before Seq       // page on: below the first entry of the page before; 0: from the newest
	Limit  int       // 1 … MaxPage; 0: DefaultPage
}

// Search finds posts and actions by their newest text, which for an edited one is found as its edit. The page holds the
// newest that fit, by rising Seq; More says that there are older ones. KindUnsupported when the engine has no index of words.
func (h *Hub) Search(ctx context.Context, c Caller, g GroupID, in SearchInput) (Page, error) {
	const op = "search"
	invalid := func(field, msg string) (Page, error) {
		return Page{}, &Error{Kind: KindInvalid, Op: op, Field: field, Msg: msg}
	}
	if len(in.Text) > MaxSearchBytes {
		return Page{}, &Error{Kind: KindTooLarge, Op: op, Field: "text", Msg: "too long to look for", Limit: MaxSearchBytes, Needed: int64(len(in.Text))}
	}
	rows := SearchRows{Words: SearchWords(in.Text), Since: in.Since, Until: in.Until, Before: in.Before, Limit: pageSize(in.Limit) + 1}
	switch {
	case len(rows.Words) > maxSearchWords:
		return invalid("text", "too many words to look for")
	case len(rows.Words) == 0 && strings.TrimSpace(in.Text) != "":
		return invalid("text", "has no word to look for")
	case len(rows.Words) == 0 && in.Author.IsZero() && in.Since.IsZero() && in.Until.IsZero():
		return invalid("text", "say what to look for: text, an author, or a time")
	}
	var p Page
	err := h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.may(moderation.ActionSearch); err != nil {
			return err
		}
		if err := s.inquire(); err != nil {
			return err
		}
		if !in.Author.IsZero() {
			rows.Author = IdentityHash(in.Author)
			if m, err := s.tx.MemberByHash(g, in.Author); err == nil {
				rows.Author = m.Identity
			} else if !errors.Is(err, ErrNoRow) {
				return err
			}
		}
		gen, err := generation(s.tx)
		if err != nil {
			return err
		}
		p = Page{Generation: gen, Head: s.head, To: s.head.Rev}
		p.Entries, err = s.tx.Search(g, rows)
		switch {
		case errors.Is(err, ErrNoIndex):
			return s.refuse(KindUnsupported, "text", "this server was built without a search for words")
		case err != nil:
			return err
		}
		if p.More = len(p.Entries) == rows.Limit; p.More {
			p.Entries = p.Entries[:rows.Limit-1]
		}
		if err := s.cutHidden(&p); err != nil {
			return err
		}
		slices.Reverse(p.Entries)
		return s.complete(&p)
	})
	if err != nil {
		return Page{}, err
	}
	return p, nil
}

// SearchWords takes a text apart into words of letters and digits, in lower case.
func SearchWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
