package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"groupd/api/faults"
	"groupd/group"
)

// Prefix stands before every path of the admin API.
const Prefix = "/api/admin/v1"

// NoPath is the error of a path that there is not, as where a server is asked by a newer program.
const NoPath = "there is no such path"

// Tunables.
const (
	maxBody        = 64 << 10 // bytes of a request
	maxHeader      = 16 << 10
	readTimeout    = 30 * time.Second
	writeTimeout   = 10 * time.Minute // a backup of a large database over a slow disk
	idleTimeout    = 2 * time.Minute
	shutdownGrace  = 2 * time.Second // for requests that run when the server ends
	requestTimeout = 60 * time.Second
)

// Hub is what this face asks of the domain; *group.Hub is one.
type Hub interface {
	Groups(ctx context.Context, c group.Caller) ([]group.Info, error)
	CreateGroup(ctx context.Context, c group.Caller, n group.NewGroup) (group.Group, error)
	CloneGroup(ctx context.Context, c group.Caller, g group.GroupID, in group.CloneInput) (group.Cloned, error)
	DeleteGroup(ctx context.Context, c group.Caller, g group.GroupID) error
	DeleteGroupMoved(ctx context.Context, c group.Caller, g group.GroupID) error
	RemovedGroups(ctx context.Context, c group.Caller) ([]group.RemovedGroup, error)
	ServerLog(ctx context.Context, c group.Caller, before int64, limit int) ([]group.ServerLine, error)
	Info(ctx context.Context, c group.Caller, g group.GroupID) (group.Info, error)
	Standing(ctx context.Context, c group.Caller, g group.GroupID) (group.Standing, error)
	Members(ctx context.Context, c group.Caller, g group.GroupID, q group.MembersQuery) (group.MembersPage, error)
	Kick(ctx context.Context, c group.Caller, g group.GroupID, in group.KickInput) (group.Change, error)
	Ban(ctx context.Context, c group.Caller, g group.GroupID, in group.BanInput) (group.BanResult, error)
	Unban(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	UndoBan(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	Mute(ctx context.Context, c group.Caller, g group.GroupID, in group.MuteInput) (group.Change, error)
	Unmute(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	Bans(ctx context.Context, c group.Caller, g group.GroupID, after group.AnyHash, limit int) ([]group.Ban, bool, error)
	Requests(ctx context.Context, c group.Caller, g group.GroupID, limit int) ([]group.Request, error)
	Approve(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash) (group.JoinResult, error)
	Reject(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash, reason string) (group.Change, error)
	CreateInvite(ctx context.Context, c group.Caller, g group.GroupID, in group.InviteInput) (group.InviteIssued, error)
	Invites(ctx context.Context, c group.Caller, g group.GroupID, q group.InvitesQuery) (group.InvitesPage, error)
	RevokeInvite(ctx context.Context, c group.Caller, g group.GroupID, id int64) (group.Change, error)
	Post(ctx context.Context, c group.Caller, g group.GroupID, in group.PostInput) (group.PostResult, error)
	UpdatePermissions(ctx context.Context, c group.Caller, g group.GroupID, in group.PermissionsInput) (group.Member, error)
	UpdateDisplayName(ctx context.Context, c group.Caller, g group.GroupID, in group.NamesInput) (group.Change, error)
	UpdateTopic(ctx context.Context, c group.Caller, g group.GroupID, topic string) (group.Change, error)
	UpdateSettings(ctx context.Context, c group.Caller, g group.GroupID, in group.SettingsInput) (group.Change, error)
	SureNow() time.Time
	SetOwner(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash) (group.Change, error)
	NewClaimCode(ctx context.Context, c group.Caller, g group.GroupID) (group.ClaimCodeIssued, error)
	PrivateKey(ctx context.Context, c group.Caller, g group.GroupID) ([]byte, error)
	Resolve(ctx context.Context, c group.Caller, g group.GroupID, text string, among group.Scope) (group.AnyHash, error)
	AuditLog(ctx context.Context, c group.Caller, g group.GroupID, q group.AuditQuery) (group.AuditPage, error)
	Directory(ctx context.Context, c group.Caller, q group.DirectoryQuery) (group.DirectoryPage, error)
	VerifyChain(ctx context.Context, g group.GroupID) (group.Seq, error)
	ConfirmClock(ctx context.Context, c group.Caller) error
	ClockUnsure() bool
	ExportText(ctx context.Context, c group.Caller, g group.GroupID, day func(name string) (io.Writer, error)) (group.ExportedText, error)
	ImportMembers(ctx context.Context, c group.Caller, g group.GroupID, list []group.ForeignMember, dry bool) ([]group.ForeignResult, error)
	Expected(ctx context.Context, c group.Caller, g group.GroupID, after group.AnyHash, limit int) ([]group.Expected, bool, error)
	ForgetExpected(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash) error
}

var _ Hub = (*group.Hub)(nil)

// Node is what this face asks of the process around it: the network and the files. All methods may be called from any goroutine.
type Node interface {
	// Describe fills in what the process knows of itself. Groups are filled in by this package.
	Describe(ctx context.Context) (Status, error)
	// Serving is how a group is reached; an empty one when it is not served yet.
	Serving(g group.GroupID) Serving
	// Settle brings what is served in line with the groups that there are, and returns when that is done but for goodbyes.
	Settle(ctx context.Context) error
	// Announce announces all destinations of a group now. It fails when there is no interface for it.
	Announce(ctx context.Context, g group.GroupID) error
	// Interfaces lists the interfaces of the network.
	Interfaces(ctx context.Context) []Interface
	// Path says what is known of the way to a destination, and asks the network first when request is set.
	Path(ctx context.Context, destination [16]byte, request bool) (Path, error)
	// Paths are all that are known, of up to maxHops hops. ForgetPath drops one, and reports whether there was one.
	Paths(ctx context.Context, maxHops int) ([]Path, error)
	ForgetPath(ctx context.Context, destination [16]byte) (bool, error)
	// Rates are how often destinations announce themselves.
	Rates(ctx context.Context) ([]Rate, error)
	// Probe sends a packet to a destination and waits for its proof.
	Probe(ctx context.Context, destination [16]byte, in ProbeInput) (Probe, error)
	// Backup writes a consistent copy of the database to a temporary file and opens it for reading; closing removes it.
	Backup(ctx context.Context) (content io.ReadCloser, size int64, err error)
	// BackedUp notes that somebody has a backup, as of now.
	BackedUp()
	// PublicKey is the public key of a private one.
	PublicKey(private []byte) ([]byte, error)
	// Export writes a group to w; with in.Identity the ratchets of its destinations, too. Import makes a group of such a file and serves it.
	Export(ctx context.Context, g group.GroupID, in group.ExportInput, w io.Writer) (group.ExportResult, error)
	Import(ctx context.Context, r io.Reader, in group.ImportInput) (group.Imported, error)
	// Appear makes those who are expected in a group and known to the network members at once, and notes that with them.
	Appear(ctx context.Context, g group.GroupID, expected []group.ForeignResult)
	// NewToken replaces the token of the API on TCP; CheckToken compares.
	NewToken(ctx context.Context) (string, error)
	CheckToken(token string) bool
}

// Config is what a Server is made of.
type Config struct {
	Hub     Hub          // required
	Node    Node         // required
	Logger  *slog.Logger // nil: discard
	Version string
	// Hosts are names beside localhost by which the API on TCP may be called.
	Hosts []string
}

// Server answers the admin API. It keeps nothing.
type Server struct {
	hub     Hub
	node    Node
	log     *slog.Logger
	faults  faults.Log
	version string
	hosts   []string
}

// New checks cfg and makes a Server; nothing is started.
func New(cfg Config) (*Server, error) {
	if cfg.Hub == nil || cfg.Node == nil {
		return nil, errors.New("web: a hub and a node are needed")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{
		hub: cfg.Hub, node: cfg.Node, version: cfg.Version, hosts: cfg.Hosts,
		log: cfg.Logger, faults: faults.Log{Logger: cfg.Logger, Rand: rand.Reader, What: "admin request failed"},
	}, nil
}

// Local is the handler for the Unix socket: everything, for whoever can open the socket.
func (s *Server) Local() http.Handler {
	r := s.router(markLocal)
	r.Route(Prefix, func(r chi.Router) {
		s.routes(r)
		r.Get("/backup", s.backup)
		r.Get("/groups/{group}/identity/private", s.answer(s.privateIdentity))
		r.Get("/groups/{group}/export", s.export)
		r.Post("/import", s.importGroup)
		r.Post("/groups/{group}/members/import", s.importMembers)
		r.Post("/token", s.answer(s.newToken))
	})
	return r
}

// Remote is the handler for TCP: what needs no private keys, for whoever has the token, called by a name that is ours.
func (s *Server) Remote() http.Handler {
	r := s.router(s.checkHost, http.NewCrossOriginProtection().Handler)
	r.Route(Prefix, func(r chi.Router) {
		r.Use(s.checkToken)
		s.routes(r)
	})
	return r
}

// router has what is the same for both.
func (s *Server) router(more ...func(http.Handler) http.Handler) chi.Router {
	r := chi.NewRouter()
	r.Use(s.recoverPanics, headers, bound)
	r.Use(more...)
	r.Get("/healthz", s.answer(s.health))
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &group.Error{Kind: group.KindNotFound, Op: "request", Msg: NoPath})
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusMethodNotAllowed, Problem{Error: "this path does not take " + r.Method})
	})
	return r
}

// routes lists what both handlers serve.
func (s *Server) routes(r chi.Router) {
	r.Get("/status", s.answer(s.status))
	r.Get("/check", s.answer(s.check))
	r.Post("/clock/confirm", s.answer(s.confirmClock))
	r.Get("/interfaces", s.answer(s.interfaces))
	r.Get("/paths", s.answer(s.paths))
	r.Get("/paths/{destination}", s.answer(s.path))
	r.Delete("/paths/{destination}", s.answer(s.forgetPath))
	r.Get("/rates", s.answer(s.rates))
	r.Post("/probes/{destination}", s.answer(s.probe))
	r.Get("/directory", s.answer(s.directory))
	r.Get("/groups", s.answer(s.listGroups))
	r.Post("/groups", s.answer(s.createGroup))
	r.Get("/log", s.answer(s.serverLog))
	r.Route("/groups/{group}", func(r chi.Router) {
		r.Get("/", s.answer(s.showGroup))
		r.Patch("/", s.answer(s.setGroup))
		r.Delete("/", s.answer(s.deleteGroup))
		r.Post("/clone", s.answer(s.cloneGroup))
		r.Post("/announce", s.answer(s.announce))
		r.Post("/claim-code", s.answer(s.newClaimCode))
		r.Get("/members", s.answer(s.listMembers))
		r.Get("/members/{who}", s.answer(s.showMember))
		r.Post("/members/{who}/kick", s.answer(s.kick))
		r.Post("/members/{who}/ban", s.answer(s.ban))
		r.Post("/members/{who}/unban", s.answer(s.unban))
		r.Post("/members/{who}/mute", s.answer(s.mute))
		r.Post("/members/{who}/unmute", s.answer(s.unmute))
		r.Post("/members/{who}/role", s.answer(s.setRole))
		r.Get("/bans", s.answer(s.listBans))
		r.Get("/expected", s.answer(s.listExpected))
		r.Delete("/expected/{who}", s.answer(s.forgetExpected))
		r.Get("/requests", s.answer(s.listRequests))
		r.Post("/requests/{who}/approve", s.answer(s.approve))
		r.Post("/requests/{who}/reject", s.answer(s.reject))
		r.Get("/invites", s.answer(s.listInvites))
		r.Post("/invites", s.answer(s.createInvite))
		r.Delete("/invites/{id}", s.answer(s.revokeInvite))
		r.Post("/posts", s.answer(s.post))
		r.Get("/audit", s.answer(s.audit))
	})
}

// operator is the caller of everything here: whoever gets this far acts for the machine.
func operator() group.Caller { return group.Caller{Local: true} }

// Serve answers requests on l until ctx ends; requests that run then get a moment to finish. It closes l, and returns nil after a clean
// end.
func (s *Server) Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(l)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("admin API: %w", err)
}
