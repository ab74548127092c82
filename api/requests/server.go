package requests

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/api/faults"
	"groupd/api/onlink"
	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// Limits of this face, told by /info.
const (
	// BasePacket is the number of reply bytes that fit one packet of a link with the base MTU of 500: 431 bytes of link payload less 22
	// for the response's own header (array 1, request id 18, length 3).
	BasePacket = 409
	// MinReply is the smallest max_bytes a page is made for, in bytes. An entry's descriptor always fits it in protobuf.
	MinReply = 256
	// MaxReply is the largest reply in bytes; a larger max_bytes is lowered to it.
	MaxReply = 256 << 10
	// MaxRequest is the largest request in bytes.
	MaxRequest = 64 << 10
	// MaxSeqs is the most entries one request may name to read.
	MaxSeqs = 64
	// MaxBatch is the most requests in one batch.
	MaxBatch = 8
)

// Prefix stands before every path.
const Prefix = "/api/v1"

// Hub is what this face asks of the domain; *group.Hub is one. All methods may be called from any goroutine.
type Hub interface {
	Info(ctx context.Context, c group.Caller, g group.GroupID) (group.Info, error)
	Disclosure() group.Disclosure
	Groups(ctx context.Context, c group.Caller) ([]group.Info, error)
	Creating() group.Creating
	CreateGroup(ctx context.Context, c group.Caller, n group.NewGroup) (group.Group, error)
	CloneGroup(ctx context.Context, c group.Caller, g group.GroupID, in group.CloneInput) (group.Cloned, error)
	DeleteGroup(ctx context.Context, c group.Caller, g group.GroupID) error
	Claim(ctx context.Context, c group.Caller, g group.GroupID, in group.ClaimInput) (group.JoinResult, error)
	Join(ctx context.Context, c group.Caller, g group.GroupID, in group.JoinInput) (group.JoinResult, error)
	Leave(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
	Messages(ctx context.Context, c group.Caller, g group.GroupID, q group.Query) (group.Page, error)
	Post(ctx context.Context, c group.Caller, g group.GroupID, in group.PostInput) (group.PostResult, error)
	Edit(ctx context.Context, c group.Caller, g group.GroupID, in group.EditInput) (group.PostResult, error)
	Search(ctx context.Context, c group.Caller, g group.GroupID, in group.SearchInput) (group.Page, error)
	Attachment(ctx context.Context, c group.Caller, g group.GroupID, q group.AttachmentQuery) (group.AttachmentContent, error)
	Proof(ctx context.Context, c group.Caller, g group.GroupID, seq group.Seq) (group.Proof, error)
	React(ctx context.Context, c group.Caller, g group.GroupID, in group.ReactInput) (group.ReactResult, error)
	Pin(ctx context.Context, c group.Caller, g group.GroupID, seq group.Seq, off bool) (group.PinResult, error)
	Pins(ctx context.Context, c group.Caller, g group.GroupID) (group.PinResult, error)
	Report(ctx context.Context, c group.Caller, g group.GroupID, in group.ReportInput) (group.Change, error)
	Reports(ctx context.Context, c group.Caller, g group.GroupID, after int64, limit int) (group.ReportsPage, error)
	SettleReports(ctx context.Context, c group.Caller, g group.GroupID, seq group.Seq, note string) (group.Change, error)
	Delete(ctx context.Context, c group.Caller, g group.GroupID, in group.DeleteInput) (group.DeleteResult, error)
	Members(ctx context.Context, c group.Caller, g group.GroupID, q group.MembersQuery) (group.MembersPage, error)
	CreateInvite(ctx context.Context, c group.Caller, g group.GroupID, in group.InviteInput) (group.InviteIssued, error)
	Invites(ctx context.Context, c group.Caller, g group.GroupID, q group.InvitesQuery) (group.InvitesPage, error)
	RevokeInvite(ctx context.Context, c group.Caller, g group.GroupID, id int64) (group.Change, error)
	BlockInvites(ctx context.Context, c group.Caller, g group.GroupID, off bool) (group.Change, error)
	DeclineInvite(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
	Circle(ctx context.Context, c group.Caller, g group.GroupID) (group.CircleState, error)
	Establish(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
	Keys(ctx context.Context, c group.Caller, g group.GroupID, q group.KeysQuery) (group.KeysPage, error)
	UndoBan(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	Bans(ctx context.Context, c group.Caller, g group.GroupID, after group.AnyHash, limit int) (bans []group.Ban, more bool, err error)
	AuditLog(ctx context.Context, c group.Caller, g group.GroupID, q group.AuditQuery) (group.AuditPage, error)
	Transfer(ctx context.Context, c group.Caller, g group.GroupID, in group.TransferInput) (group.Member, error)
	Forget(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
	Kick(ctx context.Context, c group.Caller, g group.GroupID, in group.KickInput) (group.Change, error)
	Ban(ctx context.Context, c group.Caller, g group.GroupID, in group.BanInput) (group.BanResult, error)
	Unban(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	Requests(ctx context.Context, c group.Caller, g group.GroupID, limit int) ([]group.Request, error)
	Approve(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash) (group.JoinResult, error)
	Reject(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash, reason string) (group.Change, error)
	UpdatePermissions(ctx context.Context, c group.Caller, g group.GroupID, in group.PermissionsInput) (group.Member, error)
	UpdateDisplayName(ctx context.Context, c group.Caller, g group.GroupID, in group.NamesInput) (group.Change, error)
	Mute(ctx context.Context, c group.Caller, g group.GroupID, in group.MuteInput) (group.Change, error)
	Unmute(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	Settings(ctx context.Context, c group.Caller, g group.GroupID) (group.Settings, error)
	UpdateSettings(ctx context.Context, c group.Caller, g group.GroupID, in group.SettingsInput) (group.Change, error)
	Lockdown(ctx context.Context, c group.Caller, g group.GroupID, in group.LockdownInput) (group.Change, error)
	UpdateTopic(ctx context.Context, c group.Caller, g group.GroupID, topic string) (group.Change, error)
	Notifications(ctx context.Context, c group.Caller, g group.GroupID) (group.Delivery, error)
	UpdateNotifications(ctx context.Context, c group.Caller, g group.GroupID, in group.NotificationsInput) (group.Delivery, error)
	UpdateProfile(ctx context.Context, c group.Caller, g group.GroupID, in group.ProfileInput) (group.Member, error)
	Resolve(ctx context.Context, c group.Caller, g group.GroupID, text string, among group.Scope) (group.AnyHash, error)
	Heard(ctx context.Context, c group.Caller) error
	Directory(ctx context.Context, c group.Caller, q group.DirectoryQuery) (group.DirectoryPage, error)
	Follow(ctx context.Context, c group.Caller, g group.GroupID) (group.Head, group.Generation, error)
}

var _ Hub = (*group.Hub)(nil)

// Config is what a Server is made of.
type Config struct {
	Hub     Hub           // required
	Group   group.GroupID // required: the group that this destination belongs to
	Version string        // the program's, told by /info
	Logger  *slog.Logger  // nil: discard
	Rand    io.Reader     // of log ids; nil: crypto/rand
	// Stamps checks the work that comes with requests; *lxmf.Stamper is one. nil: all work counts as none.
	Stamps StampChecker
	Now    func() time.Time // of the day that stamps are for; nil: time.Now
	// Answered is told of each reply over a link: by which interface, to whom (zero: not identified), and its length in bytes. nil: nobody is.
	Answered func(iface string, who group.IdentityHash, bytes int)
	// Air tells how long a live page of so many bytes has to wait for its turn on an interface; 0: not at all. nil: nothing waits.
	Air func(iface string, bytes int) time.Duration
}

// Server answers the requests of one group. Its methods may be called from any goroutine; it keeps nothing but its configuration, the
// group's address, idle compressors and who gets live pages.
type Server struct {
	hub     Hub
	group   group.GroupID
	version string
	log     *slog.Logger
	faults  faults.Log
	stamps  StampChecker
	now     func() time.Time
	routes  []route
	pack    *compressors
	sending onlink.Files
	told    func(iface string, who group.IdentityHash, bytes int)
	air     func(iface string, bytes int) time.Duration

	address  atomic.Pointer[group.Address] // of the group, once it was asked for
	audience audience
}

// New checks cfg and makes a Server; nothing is started.
func New(cfg Config) (*Server, error) {
	if cfg.Hub == nil || cfg.Group == "" {
		return nil, errors.New("requests: a hub and a group are needed")
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
	s := &Server{
		hub: cfg.Hub, group: cfg.Group, told: cfg.Answered, air: cfg.Air, version: cfg.Version, stamps: cfg.Stamps, now: cfg.Now, pack: newCompressors(),
		log: cfg.Logger, faults: faults.Log{Logger: cfg.Logger, Rand: cfg.Rand, What: "request failed"},
	}
	s.routes = s.table()
	return s, nil
}

// table lists every path. It is the only place that knows them.
func (s *Server) table() []route {
	return []route{
		on("/info", forAnybody, reads, s.info),
		on("/disclosure", forAnybody, reads, s.disclosure),
		on("/directory", forAnybody, reads, s.directory),
		on("/batch", forAnybody, changes, s.batch), // each item is asked for its own identity
		on("/claim", identified, changes, s.claim),
		on("/join", identified, changes, s.join),
		on("/leave", identified, changes, s.leave),
		on("/messages", identified, reads, s.messages),
		on("/messages/send", identified, changes, s.send),
		on("/messages/edit", identified, changes, s.edit),
		on("/messages/search", identified, reads, s.search),
		on("/messages/attachment", identified, reads, s.attachment),
		on("/messages/proof", identified, reads, s.proof),
		on("/messages/react", identified, changes, s.react),
		on("/messages/pin", identified, changes, s.pin),
		on("/messages/report", identified, changes, s.report),
		on("/messages/delete", identified, changes, s.deleteMessages),
		on("/reports", identified, reads, s.reports),
		on("/reports/settle", identified, changes, s.settleReports),
		on("/members", identified, reads, s.members),
		on("/members/kick", identified, changes, s.kick),
		on("/members/ban", identified, changes, s.ban),
		on("/members/unban", identified, changes, s.unban),
		on("/members/transfer", identified, changes, s.transfer),
		on("/bans", identified, reads, s.bans),
		on("/audit", identified, reads, s.audit),
		on("/invites/create", identified, changes, s.createInvite),
		on("/invites/list", identified, reads, s.invites),
		on("/invites/revoke", identified, changes, s.revokeInvite),
		on("/invites/block", identified, changes, s.blockInvites),
		on("/invites/decline", identified, changes, s.declineInvite),
		on("/circle", identified, reads, s.circle),
		on("/circle/establish", identified, changes, s.establish),
		on("/keys", identified, reads, s.keys),
		on("/forget", identified, changes, s.forget),
		on("/members/mute", identified, changes, s.mute),
		on("/members/unmute", identified, changes, s.unmute),
		on("/members/requests", identified, reads, s.waiting),
		on("/members/approve", identified, changes, s.approve),
		on("/members/reject", identified, changes, s.reject),
		on("/members/permissions/update", identified, changes, s.updatePermissions),
		on("/display-name/update", identified, changes, s.updateDisplayName),
		on("/topic/update", identified, changes, s.updateTopic),
		on("/profile/update", identified, changes, s.updateProfile),
		on("/settings", identified, reads, s.settings),
		on("/settings/update", identified, changes, s.updateSettings),
		on("/lockdown", identified, changes, s.lockdown),
		on("/groups", forAnybody, reads, s.groups),
		on("/groups/create", identified, changes, s.createGroup),
		on("/groups/clone", identified, changes, s.cloneGroup),
		on("/groups/delete", identified, changes, s.deleteGroup),
		on("/subscribe", identified, reads, s.subscribe),
		on("/notifications/update", identified, changes, s.updateNotifications),
	}
}

// Paths lists the full paths this server answers, in a fixed order.
func (s *Server) Paths() []string {
	paths := make([]string, len(s.routes))
	for i, r := range s.routes {
		paths[i] = Prefix + r.path
	}
	return paths
}

// access says which links a path answers at all. Everything finer is the domain's business.
type access bool

const (
	forAnybody access = false
	identified access = true
)

// effect says whether a path only reads, and so can be asked again, or changes something.
type effect bool

const (
	reads   effect = false
	changes effect = true
)

// route is one path: its messages and what answers it.
type route struct {
	path       string // without Prefix
	access     access
	effect     effect
	newRequest func() proto.Message
	newReply   func() proto.Message
	answer     func(ctx context.Context, c *call, request proto.Message) (answer, error)
}

// answer is a reply, and its encoding where it was made already.
type answer struct {
	message proto.Message
	encoded []byte
}

// on builds a route from a handler with its own message types. A handler returns a reply, or an error and no reply.
func on[Q, A any, PQ interface {
	*Q
	proto.Message
}, PA interface {
	*A
	proto.Message
}](path string, who access, what effect, f func(ctx context.Context, c *call, request PQ) (reply PA, encoded []byte, err error)) route {
	return route{
		path: path, access: who, effect: what,
		newRequest: func() proto.Message { return PQ(new(Q)) },
		newReply:   func() proto.Message { return PA(new(A)) },
		answer: func(ctx context.Context, c *call, request proto.Message) (answer, error) {
			reply, encoded, err := f(ctx, c, request.(PQ))
			return answer{reply, encoded}, err
		},
	}
}

// call is one request on its way through the server.
type call struct {
	form
	caller group.Caller
	path   string
	room   int        // bytes of a reply whose max_bytes is 0
	most   int        // bytes of a reply whatever max_bytes says
	limit  int        // bytes that this request's reply may take, once that is known; 0 is no limit
	nested bool       // in a batch
	line   line       // of the link it came by; nil: none
	file   *fileReply // what follows the reply; nil: nothing
}

// turn waits until others of this group leave the caller a processor (see [rns.Link.Turn]); without a line it need not.
func (c *call) turn(ctx context.Context) (leave func(), err error) {
	if c.line == nil {
		return func() {}, nil
	}
	return c.line.Turn(ctx)
}

// budget turns a max_bytes into the bytes the reply may take.
func (c *call) budget(maxBytes uint32) (int, error) {
	n := c.room
	if maxBytes > 0 {
		n = min(int(min(maxBytes, MaxReply)), c.most)
	}
	c.limit = n
	if n < MinReply {
		return n, noRoom(MinReply)
	}
	return n, nil
}

// as returns the caller with a request's client id.
func (c *call) as(clientID []byte) group.Caller {
	caller := c.caller
	caller.ClientID = clientID
	return caller
}

// Handle answers one request and never fails: bad data, unknown paths and panics get a status too. path is the whole path, or empty
// where only a hash is known, which is then unknown. caller is who identified on the link; its zero value is nobody. room is how many
// bytes of reply fit one packet of that link (BasePacket at the base MTU). The result is one msgpack value, bytes or a string.
func (s *Server) Handle(ctx context.Context, caller group.Caller, path string, data msgpack.Raw, room int) msgpack.Raw {
	reply, _ := s.handle(ctx, caller, nil, path, data, room)
	return reply
}

// handle is Handle for a request that came by a line, whose life ctx is. nil: none.
func (s *Server) handle(ctx context.Context, caller group.Caller, l line, path string, data msgpack.Raw, room int) (msgpack.Raw, *fileReply) {
	c := &call{caller: caller, room: room, most: MaxReply, line: l}
	if short, ok := strings.CutPrefix(path, Prefix); ok {
		c.path = short
	}
	if len(data) > MaxRequest {
		err := &group.Error{Kind: group.KindTooLarge, Op: "request", Msg: "the request is too large", Limit: MaxRequest}
		return c.wrap(c.encodeStatus(&groupdv1.Ack{}, s.status(ctx, c, err))), c.file
	}
	f, body, err := open(data)
	c.form = f
	if err != nil {
		return c.wrap(c.encodeStatus(&groupdv1.Ack{}, s.status(ctx, c, err))), c.file
	}
	out := s.serve(ctx, c, body)
	if out.status != nil && c.file != nil { // the reply could not be encoded
		c.file.drop()
		c.file = nil
	}
	return c.wrap(out.encoded), c.file
}

// served is how one request was answered.
type served struct {
	encoded []byte
	status  *groupdv1.Status // nil: all went well
	effect  effect
}

// serve answers one request whose form is known: a whole one, or one of a batch.
func (s *Server) serve(ctx context.Context, c *call, body []byte) (out served) {
	var reply proto.Message = &groupdv1.Ack{}
	refuse := func(err error) {
		out.status = s.status(ctx, c, err)
		out.encoded = c.encodeStatus(reply, out.status)
	}
	defer func() {
		if p := recover(); p != nil {
			refuse(faults.Panicked(p))
		}
	}()
	r, ok := s.find(c.path)
	if !ok {
		refuse(&group.Error{Kind: group.KindUnsupported, Op: "request", Msg: "this server does not know that path"})
		return out
	}
	reply, out.effect = r.newReply(), r.effect
	a, err := s.ask(ctx, c, r, body)
	if err == nil && a.encoded == nil {
		a.encoded, err = c.encode(a.message)
	}
	if err != nil {
		refuse(err)
		return out
	}
	out.encoded = a.encoded
	return out
}

// ask checks what is the same for all paths and calls the handler.
func (s *Server) ask(ctx context.Context, c *call, r route, body []byte) (answer, error) {
	if r.access == identified && c.caller.Identity.IsZero() && !c.caller.Local {
		return answer{}, &group.Error{Kind: group.KindNotIdentified, Op: "request", Msg: "identify on this link and repeat the request"}
	}
	request := r.newRequest()
	if err := c.decode(body, request); err != nil {
		return answer{}, err
	}
	if r.effect == reads { // reading and packing takes nothing but processor time
		leave, err := c.turn(ctx)
		if err != nil {
			return answer{}, err
		}
		defer leave()
	}
	return r.answer(ctx, c, request)
}

func (s *Server) find(path string) (route, bool) {
	for _, r := range s.routes {
		if r.path == path {
			return r, true
		}
	}
	return route{}, false
}

// status tells an error to the caller. Errors of ours get a line in the log, and the id that it has there.
func (s *Server) status(ctx context.Context, c *call, err error) *groupdv1.Status {
	st := statusOf(err)
	st.Field = wireField(c.path, st.GetField())
	if st.GetCode() == groupdv1.Code_STAMP_REQUIRED {
		st.StampDay = groupdv1.StampDay(s.now())
	}
	if st.GetCode() == groupdv1.Code_INTERNAL {
		st.LogId = s.faults.Note(ctx, err, "path", c.path, "group", string(s.group))
	}
	return st
}

// encodeStatus encodes a reply that holds nothing but its status. Where the call has a limit, the words for people give way to it.
func (c *call) encodeStatus(reply proto.Message, st *groupdv1.Status) []byte {
	var encoded []byte
	for _, form := range []*groupdv1.Status{st, withoutWords(st), {Code: st.GetCode()}} {
		setStatus(reply, form)
		b, err := c.encode(reply)
		if err != nil {
			continue // text that is not UTF-8 cannot be encoded; the forms without it can
		}
		encoded = b
		if c.limit == 0 || len(b) <= c.limit {
			break
		}
	}
	return encoded
}
