package web

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"

	"github.com/go-chi/chi/v5"

	"groupd/group"
)

// Bounds of what takes long.
const (
	stalledFor = time.Minute // without a byte; then a transfer ends
	maxMembers = 16 << 20    // bytes of a list of another server's members
)

// IdentityHeader holds the private key that an imported group gets, in hex.
const IdentityHeader = "Groupd-Identity"

// Imported says what an import brought.
type Imported struct {
	Group     Group  `json:"group"`
	Software  string `json:"software,omitempty"` // that wrote the file
	Exported  string `json:"exported,omitempty"`
	Entries   int    `json:"entries"`
	Verified  int    `json:"signatures_verified"`
	Unchecked int    `json:"signatures_unchecked,omitempty"` // the author's key, or a file, is not there any more
	Unsigned  int    `json:"unsigned,omitempty"`             // posts that nobody signed
	Missing   int    `json:"attachments_missing,omitempty"`
	Address   string `json:"address_before,omitempty"` // in the file, where the group has another one now
}

// ImportedOf is what an import brought, or what a file holds; Group is to be filled in.
func ImportedOf(got group.Imported) Imported {
	return Imported{
		Software: got.Software, Entries: got.Counts["entry"], Verified: got.Verified, Unchecked: got.Unchecked, Unsigned: got.Unsigned, Missing: got.Missing,
	}
}

// ImportedMember says what became of one line of a list, or what would.
type ImportedMember struct {
	Line    int    `json:"line,omitempty"`
	Who     string `json:"who"` // as the list has it: an identity or an address
	Name    string `json:"name,omitempty"`
	Role    string `json:"role"`
	Mode    string `json:"mode,omitempty"`
	Outcome string `json:"outcome"`
	Why     string `json:"why,omitempty"`
}

// ImportedMembers is what came of a list.
type ImportedMembers struct {
	Format  string           `json:"format"`
	DryRun  bool             `json:"dry_run,omitempty"`
	Members []ImportedMember `json:"members"`
	Skipped []string         `json:"skipped,omitempty"` // lines that say nothing about anybody
}

// Expected is somebody who becomes a member as soon as he appears.
type Expected struct {
	Who     string    `json:"who"`
	Name    string    `json:"name,omitempty"`
	Role    string    `json:"role"`
	Mode    string    `json:"mode"`
	Created time.Time `json:"created"`
}

// ExpectedPage is a part of the list.
type ExpectedPage struct {
	Expected []Expected `json:"expected"`
	Next     string     `json:"next,omitempty"` // after, for the next page
}

// patient lets a transfer take as long as bytes go through.
type patient struct {
	w    http.ResponseWriter
	c    *http.ResponseController
	in   io.Reader
	sent bool
}

func newPatient(w http.ResponseWriter, r *http.Request) *patient {
	return &patient{w: w, c: http.NewResponseController(w), in: r.Body}
}

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	p.sent = true
	if err := p.c.SetWriteDeadline(time.Now().Add(stalledFor)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.w.Write(b)
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.c.SetReadDeadline(time.Now().Add(stalledFor)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.in.Read(b)
}

// answer gives an answer the time it needs.
func (p *patient) answer() {
	p.c.SetWriteDeadline(time.Now().Add(stalledFor)) //nolint:errcheck // then it has what is left
}

// export sends a group: as lines, or as a text for each day, which are parts of one answer.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := newPatient(w, r)
	var err error
	switch q.Get("format") {
	case "", "jsonl":
		w.Header().Set("Content-Type", "application/jsonl")
		_, err = s.node.Export(r.Context(), groupID(r), group.ExportInput{Identity: q.Get("identity") == "1", NoContents: q.Get("contents") == "0"}, p)
	case "text":
		parts := multipart.NewWriter(p)
		w.Header().Set("Content-Type", parts.FormDataContentType())
		_, err = s.hub.ExportText(r.Context(), operator(), groupID(r), func(day string) (io.Writer, error) {
			return parts.CreatePart(textproto.MIMEHeader{
				"Content-Type": {"text/plain; charset=utf-8"}, "Content-Disposition": {fmt.Sprintf(`form-data; name="day"; filename="%s.txt"`, day)},
			})
		})
		if err == nil {
			err = parts.Close()
		}
	default:
		err = &group.Error{Kind: group.KindInvalid, Op: "export", Field: "format", Msg: "jsonl or text"}
	}
	if err == nil {
		return
	}
	if p.sent {
		s.log.Warn("an export was not sent whole", "group", string(groupID(r)), "err", err)
		panic(http.ErrAbortHandler) // so that nobody takes it for whole
	}
	w.Header().Del("Content-Type")
	s.fail(w, r, err)
}

// importGroup makes a group of what export sent.
func (s *Server) importGroup(w http.ResponseWriter, r *http.Request) {
	p := newPatient(w, r)
	in := group.ImportInput{ID: group.GroupID(r.URL.Query().Get("id"))}
	if text := r.Header.Get(IdentityHeader); text != "" {
		key, err := hex.DecodeString(text)
		if err != nil || len(key) == 0 {
			s.fail(w, r, &group.Error{Kind: group.KindInvalid, Op: "import", Field: "identity", Msg: "is no key in hex"})
			return
		}
		in.PrivateKey = key
	}
	got, err := s.node.Import(r.Context(), p, in)
	if err != nil {
		io.Copy(io.Discard, p) //nolint:errcheck // who sends reads the answer when he has sent all
		p.answer()
		s.fail(w, r, err)
		return
	}
	p.answer()
	out := ImportedOf(got)
	if !got.Exported.IsZero() {
		out.Exported = got.Exported.UTC().Format(time.RFC3339)
	}
	if got.From.Address != got.Group.Address {
		out.Address = got.From.Address.String()
	}
	out.Group, err = s.find(r.Context(), got.Group.ID)
	s.reply(w, r, out, err)
}

// importMembers takes people over from another server's list.
func (s *Server) importMembers(w http.ResponseWriter, r *http.Request) {
	p := newPatient(w, r)
	list, err := group.ParseMembers(http.MaxBytesReader(w, io.NopCloser(p), maxMembers), r.URL.Query().Get("format"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	dry := r.URL.Query().Get("dry") == "1"
	results, err := s.hub.ImportMembers(r.Context(), operator(), groupID(r), list.Members, dry)
	if err == nil && !dry {
		s.node.Appear(r.Context(), groupID(r), results)
	}
	out := ImportedMembers{Format: list.Format, DryRun: dry, Members: make([]ImportedMember, 0, len(results)), Skipped: list.Skipped}
	for _, m := range results {
		one := ImportedMember{Line: m.Line, Who: m.Target.String(), Name: m.Name, Role: m.Role.String(), Outcome: string(m.Outcome), Why: m.Why}
		if m.Banned {
			one.Role = "banned"
		} else {
			one.Mode = m.Mode.String()
		}
		out.Members = append(out.Members, one)
	}
	p.answer()
	s.reply(w, r, out, err)
}

func (s *Server) listExpected(r *http.Request) (any, error) {
	after, err := afterHash(r)
	if err != nil {
		return nil, err
	}
	list, more, err := s.hub.Expected(r.Context(), operator(), groupID(r), after, group.MaxPage)
	out := ExpectedPage{Expected: make([]Expected, 0, len(list))}
	for _, e := range list {
		out.Expected = append(out.Expected, Expected{Who: e.Target.String(), Name: e.DisplayName, Role: e.Role.String(), Mode: e.Mode.String(), Created: e.Created})
		if more {
			out.Next = e.Target.String()
		}
	}
	return out, err
}

func (s *Server) forgetExpected(r *http.Request) (any, error) {
	who, ok := group.ParseAnyHash(chi.URLParam(r, "who"))
	if !ok {
		return nil, &group.Error{Kind: group.KindInvalid, Op: "expected", Field: "who", Msg: "an address or identity of 32 hex digits is needed"}
	}
	err := s.hub.ForgetExpected(r.Context(), operator(), groupID(r), who)
	return Done{}, err
}
