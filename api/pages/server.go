package pages

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"groupd/api/faults"
	"groupd/api/onlink"
	"groupd/group"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// Hub is what this face asks of the domain; *group.Hub is one. All methods may be called from any goroutine.
type Hub interface {
	Info(ctx context.Context, c group.Caller, g group.GroupID) (group.Info, error)
	Disclosure() group.Disclosure
	Now() time.Time
	SureNow() time.Time
	Heard(ctx context.Context, c group.Caller) error

	Messages(ctx context.Context, c group.Caller, g group.GroupID, q group.Query) (group.Page, error)
	Search(ctx context.Context, c group.Caller, g group.GroupID, in group.SearchInput) (group.Page, error)
	Attachment(ctx context.Context, c group.Caller, g group.GroupID, q group.AttachmentQuery) (group.AttachmentContent, error)
	Pins(ctx context.Context, c group.Caller, g group.GroupID) (group.PinResult, error)
	Post(ctx context.Context, c group.Caller, g group.GroupID, in group.PostInput) (group.PostResult, error)
	Edit(ctx context.Context, c group.Caller, g group.GroupID, in group.EditInput) (group.PostResult, error)
	React(ctx context.Context, c group.Caller, g group.GroupID, in group.ReactInput) (group.ReactResult, error)
	Pin(ctx context.Context, c group.Caller, g group.GroupID, seq group.Seq, off bool) (group.PinResult, error)
	Report(ctx context.Context, c group.Caller, g group.GroupID, in group.ReportInput) (group.Change, error)
	Delete(ctx context.Context, c group.Caller, g group.GroupID, in group.DeleteInput) (group.DeleteResult, error)
	Directory(ctx context.Context, c group.Caller, q group.DirectoryQuery) (group.DirectoryPage, error)

	FormHub
}

var _ Hub = (*group.Hub)(nil)

// Config is what a Server is made of.
type Config struct {
	Hub     Hub           // required
	Group   group.GroupID // required: the group that this destination belongs to
	Address group.Address // required: the group's LXMF address, which pages link to
	Version string        // the program's
	Logger  *slog.Logger  // nil: discard
	Now     func() time.Time
	Rand    io.Reader // of nonces and log ids; nil: crypto/rand. It is read by one goroutine at a time
	// Answered is told of each page and file sent over a link: by which interface, to whom (zero: not identified), and its length in bytes.
	// nil: nobody is.
	Answered func(iface string, who group.IdentityHash, bytes int)
}

// Server answers the page requests of one group. Its methods may be called from any goroutine.
type Server struct {
	hub     Hub
	group   group.GroupID
	address string
	version string
	log     *slog.Logger
	faults  faults.Log
	told    func(iface string, who group.IdentityHash, bytes int)
	routes  []route
	nonces  nonces
	drafts  drafts // of members
	strays  drafts // of people who had not identified
	files   files
	sending onlink.Files
}

// New checks cfg and makes a Server; nothing is started.
func New(cfg Config) (*Server, error) {
	if cfg.Hub == nil || cfg.Group == "" || cfg.Address.IsZero() {
		return nil, errors.New("pages: a hub, a group and its address are needed")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Answered == nil {
		cfg.Answered = func(string, group.IdentityHash, int) {}
	}
	s := &Server{hub: cfg.Hub, group: cfg.Group, address: cfg.Address.String(), version: cfg.Version, log: cfg.Logger, told: cfg.Answered}
	random := &oneReader{r: cfg.Rand}
	s.faults = faults.Log{Logger: cfg.Logger, Rand: random, What: "page failed"}
	s.nonces.now, s.nonces.rand = cfg.Now, random
	s.drafts.now, s.drafts.most = cfg.Now, maxDrafts
	s.strays.now, s.strays.most = cfg.Now, maxStray
	s.routes = s.table()
	return s, nil
}

// route is one page.
type route struct {
	path  string
	serve func(v *visit) *page
}

// table lists every page. It is the only place that knows them.
func (s *Server) table() []route {
	return append([]route{
		{"/page/index.mu", s.front},
		{"/page/history.mu", s.history},
		{"/page/entry.mu", s.entry},
		{"/page/post.mu", s.post},
		{"/page/help.mu", s.help},
		{"/page/disclosure.mu", s.disclosure},
		{"/page/directory.mu", s.directory},
	}, s.formPages()...)
}

// Paths lists the pages, in a fixed order.
func (s *Server) Paths() []string {
	paths := make([]string, len(s.routes))
	for i, r := range s.routes {
		paths[i] = r.path
	}
	return paths
}

// Handle answers one request for a page and never fails: unknown paths, data that cannot be and panics get a page, too. caller is who
// identified on the link; its zero value is nobody. path is empty where only a hash is known, which is then unknown.
func (s *Server) Handle(ctx context.Context, caller group.Caller, link rns.LinkID, path string, data msgpack.Raw) []byte {
	return s.handle(ctx, caller, link, path, data, nil, nil)
}

// handle is Handle for what may have been refused already. turn waits until the caller may take a processor for long, for which pages wait
// that only show something; nil: they do not.
func (s *Server) handle(ctx context.Context, caller group.Caller, link rns.LinkID, path string, data msgpack.Raw, refused error, turn func(context.Context) (leave func(), err error)) []byte {
	if len(data) > MaxRequest {
		data, refused = nil, &group.Error{Kind: group.KindTooLarge, Op: "page", Msg: "what you sent is too large", Limit: MaxRequest}
	}
	v := &visit{ctx: ctx, path: path, caller: caller, link: link}
	v.read(data)
	if turn != nil && v.variables[formVariable] == "" {
		leave, err := turn(ctx)
		if err != nil {
			return s.problem(v, "Error", err).bytes()
		}
		defer leave()
	}
	p := s.make(v, refused)
	if len(p.b)+len(p.foot) > MaxPage {
		s.log.Error("page too large", "group", string(s.group), "path", path, "bytes", len(p.b)+len(p.foot))
		p.shorten()
	}
	return p.bytes()
}

// make makes the page of a visit.
func (s *Server) make(v *visit, refused error) (p *page) {
	defer func() {
		if r := recover(); r != nil {
			p = s.problem(v, "Error", faults.Panicked(r))
		}
	}()
	var err error
	if v.info, err = s.hub.Info(v.ctx, v.caller, s.group); err != nil {
		return s.problem(v, "Error", err)
	}
	if refused != nil {
		return s.problem(v, "Not possible", refused)
	}
	for _, r := range s.routes {
		if r.path == v.path {
			return r.serve(v)
		}
	}
	return s.unknown(v)
}

// unknown is the page of all paths that have none.
func (s *Server) unknown(v *visit) *page {
	p := s.page(v, "Not found")
	p.line("There is no such page or file here, or you may not see it.")
	p.line("Files: open the post that has it, and follow the link there.")
	return p
}

// page begins a page that belongs to this visit alone, with its title, "" for the group's name alone, and with the links that all such pages
// have at their end.
func (s *Server) page(v *visit, title string) *page {
	p := newPage(0)
	p.head(title, v.groupName())
	p.foot = fragment(func(p *page) { s.menu(v, p) })
	return p
}

// static begins a page that is the same for everybody, and that programs may keep for a day.
func (s *Server) static(v *visit, title string) *page {
	p := newPage(int(24 * time.Hour / time.Second))
	p.head(title, v.info.PublicName)
	p.foot = fragment(func(p *page) {
		p.nl()
		links(p, [][2]string{{"Group", "index"}, {"History", "history"}, {"Help", "help"}})
	})
	return p
}

func (p *page) head(title, name string) {
	if title != "" && name != "" {
		title += " - "
	}
	p.heading(title + name)
	p.nl()
}

// menu is the links at the end of a page: what the visitor can do here.
func (s *Server) menu(v *visit, p *page) {
	p.nl()
	list := [][2]string{{"Group", "index"}}
	if v.reads() {
		list = append(list, [2]string{"History", "history"})
	}
	if v.member() {
		if v.writes(s) {
			list = append(list, [2]string{"Write", "post"})
		}
		list = append(list, [][2]string{{"Members", "members"}, {"Me", "me"}}...)
	} else if v.info.You.Standing != moderation.StandingStranger || v.info.Door() != moderation.JoiningClosed || !v.info.Owned { // there it can be claimed
		list = append(list, [2]string{"Join", "join"})
	}
	if v.staff() {
		list = append(list, [2]string{"Moderate", "moderate"})
	}
	links(p, append(list, [2]string{"Help", "help"}))
}

func links(p *page, list [][2]string) {
	for i, l := range list {
		if i > 0 {
			p.text(" | ")
		}
		p.link(l[0], "/page/"+l[1]+".mu")
	}
	p.nl()
}

// staff reports whether there is anything on the page for moderators that the caller may see.
func (v *visit) staff() bool {
	const any = moderation.PermAll &^ (moderation.PermInvite | moderation.PermEmergency)
	return v.member() && (v.info.You.Role == moderation.RoleOwner || v.info.You.Permissions&any != 0)
}

// shorten is the last resort for a page that became too large, which is a bug: lines at its end go.
func (p *page) shorten() {
	const note = "...\n"
	b := p.b[:min(len(p.b), max(0, MaxPage-len(p.foot)-len(note)))]
	for len(b) > 0 && b[len(b)-1] != '\n' {
		b = b[:len(b)-1]
	}
	p.b, p.col = append(b, note...), 0
}
