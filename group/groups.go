package group

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"groupd/moderation"
)

// Bounds of groups that people make, unless the operator says otherwise.
const (
	DefaultGroupsEach = 3         // of one person
	DefaultGroups     = 50        // on the server, above which nobody but the operator makes any
	DefaultCooldown   = time.Hour // between two of one person
	DefaultPerHour    = 10        // of all together
	DefaultGroupCost  = 16        // bits of work of who is a member nowhere here
	listBurst         = 30        // lists of groups for one who asks, then one every listEvery
	listEvery         = time.Second
	maxRemoved        = 1000          // deleted groups of the operator's that are remembered; the one deleted first goes
	maxServerLog      = 10_000        // lines
	maxPlaces         = MaxGroups     // rows of one person in all groups
	madePrefix        = GroupID("g-") // of the ids of groups that people made
	madeDigits        = 12            // hex digits of the identity that follow
)

// Creating is who may make groups of their own on this server, and how many. Zero fields but Who are the defaults.
type Creating struct {
	Who       moderation.Creating
	PerPerson int           // groups that one has made and that are still here
	Max       int           // groups here, the operator's included, above which people make no more
	Cooldown  time.Duration // between two groups of one person
	PerHour   int           // groups that all people together make in an hour
	Cost      int           // bits of work of who is a member of no group here; below 0: none
}

// withDefaults fills in what is zero.
func (c Creating) withDefaults() Creating {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&c.PerPerson, DefaultGroupsEach)
	def(&c.Max, DefaultGroups)
	def(&c.PerHour, DefaultPerHour)
	def(&c.Cost, DefaultGroupCost)
	c.Cost, c.PerHour, c.Max = max(c.Cost, 0), max(c.PerHour, 1), min(c.Max, MaxGroups)
	if c.Cooldown == 0 {
		c.Cooldown = DefaultCooldown
	}
	return c
}

// Creating is what the operator says about groups that people make.
func (h *Hub) Creating() Creating { return h.creating }

// MayCreate says whether the caller may make a group now: nil, or why not. Where KindStampRequired is all that stands in the way, he may
// with that work.
func (h *Hub) MayCreate(ctx context.Context, c Caller) error {
	const op = "create group"
	c, err := prepare(op, c)
	if err != nil {
		return err
	}
	err = h.store.View(ctx, func(tx ReadTx) error { return h.mayFound(tx, op, c) })
	if err == nil && !c.Local {
		if wait := h.founding.Wait(h.clock.wall(), foundingKeys(c), h.foundingRates()); wait > 0 {
			err = tooManyGroups(op, wait)
		}
	}
	if err != nil {
		return h.failed(op, err)
	}
	return nil
}

// serverFacts adds to the facts what making groups depends on.
func (h *Hub) serverFacts(tx ReadTx, f *moderation.Facts, c Caller) error {
	f.Identified, f.Local, f.Creating, f.Cost, f.Work = !c.Identity.IsZero(), c.Local, h.creating.Who, h.creating.Cost, c.Work
	if !f.Identified {
		return nil
	}
	rows, err := tx.Memberships(AnyHash(c.Identity), maxPlaces)
	for _, m := range rows {
		f.Insider = f.Insider || m.Present
	}
	return err
}

// mayFound refuses who may make no group of his own, whatever it is.
func (h *Hub) mayFound(tx ReadTx, op string, c Caller) error {
	f := moderation.Facts{Action: moderation.ActionCreateGroup}
	if err := h.serverFacts(tx, &f, c); err != nil {
		return err
	}
	if v := moderation.Decide(f, h.clock.wall()); v.Outcome != moderation.Allow {
		return &Error{Kind: kindOf(v.Reason), Op: op, Msg: v.Text, Reason: v.Reason, Limit: int64(v.Cost)}
	}
	return h.roomForGroup(tx, op, c)
}

// roomForGroup makes sure that there may be one more.
func (h *Hub) roomForGroup(tx ReadTx, op string, c Caller) error {
	n, err := tx.CountGroups()
	if err != nil {
		return err
	}
	most := h.creating.Max
	if c.Local {
		most = MaxGroups
	}
	if n >= most {
		return &Error{Kind: KindFull, Op: op, Msg: "there are too many groups here", Limit: int64(most)}
	}
	if c.Local {
		return nil
	}
	if n, err = tx.CountGroupsOf(c.Identity); err != nil {
		return err
	}
	if n >= h.creating.PerPerson {
		return &Error{Kind: KindFull, Op: op, Msg: "you have made as many groups as one person may: delete one first", Limit: int64(h.creating.PerPerson)}
	}
	return nil
}

// foundingKeys and foundingRates are the buckets that a new group of somebody's draws on: his own, and everybody's.
func foundingKeys(c Caller) []IdentityHash { return []IdentityHash{c.Identity, {}} }

func (h *Hub) foundingRates() []moderation.Rate {
	return []moderation.Rate{
		{Burst: 1, Every: h.creating.Cooldown},
		{Burst: h.creating.PerHour, Every: time.Hour / time.Duration(h.creating.PerHour)},
	}
}

func tooManyGroups(op string, wait time.Duration) *Error {
	return &Error{
		Kind: KindRateLimited, Op: op, Reason: moderation.ReasonRate, RetryAfter: wait,
		Msg: "groups were made here not long ago: wait " + moderation.Remaining(wait),
	}
}

// founded is the outcome of making a group, as it is remembered.
type founded struct {
	Group    GroupID
	Invited  int
	LeftOut  int
	More     bool
	Repeated bool `json:"-"`
}

func (f *founded) markRepeated() { f.Repeated = true }

// found makes a group as draft says, all in one transaction: then, if there is one, goes on in the new group. draft is called with the
// database as it is, before keys are made for nothing, and again in the transaction.
func (h *Hub) found(ctx context.Context, op string, c Caller, made *founded, draft func(ReadTx) (NewGroup, error), then func(*work) error) error {
	c, err := prepare(op, c)
	if err != nil {
		return err
	}
	var n NewGroup
	err = h.store.View(ctx, func(tx ReadTx) error {
		if _, err := h.repeat(tx, "", op, c, made); err != nil || made.Repeated {
			return err
		}
		n, err = draft(tx)
		return err
	})
	if err != nil {
		return h.notFounded(op, err)
	}
	if made.Repeated {
		return nil
	}
	fresh := len(n.PublicKey) == 0 && len(n.PrivateKey) == 0
	if fresh {
		if n.PublicKey, n.PrivateKey, err = h.newIdentity(); err != nil {
			return h.failed(op, err)
		}
	}
	public, private := n.PublicKey, n.PrivateKey
	var w *work
	err = h.store.Update(ctx, func(tx Tx) error {
		if _, err := h.repeat(tx, "", op, c, made); err != nil || made.Repeated {
			return err
		}
		n, err := draft(tx)
		if err != nil {
			return err
		}
		n.PublicKey, n.PrivateKey = public, private
		if w, err = h.put(tx, op, c, n, fresh); err != nil {
			return err
		}
		made.Group = w.group.ID
		if then != nil {
			if err := then(w); err != nil {
				return err
			}
		}
		if err := tx.PutHead(w.group.ID, w.head); err != nil {
			return err
		}
		if err := h.remember(tx, "", op, c, w.expiry, made); err != nil {
			return err
		}
		if !c.Local { // the last step, so that what is refused costs nothing
			if wait, _ := h.founding.Take(w.group.Created, foundingKeys(c), h.foundingRates()); wait > 0 {
				return tooManyGroups(op, wait)
			}
		}
		return h.clock.advance(tx)
	})
	if err != nil {
		return h.notFounded(op, err)
	}
	if made.Repeated {
		return nil
	}
	for _, e := range append([]Event{{Kind: EventGroupCreated, Who: c.Identity}}, w.events...) {
		e.Group, e.Head = w.group.ID, w.head
		h.publish(e)
	}
	return nil
}

// notFounded counts what was refused for a bound or a rate.
func (h *Hub) notFounded(op string, err error) error {
	if k := KindOf(err); k == KindFull || k == KindRateLimited {
		h.ungrouped.Add(1)
	}
	return h.failed(op, err)
}

// put checks a new group, stores it, and makes the caller its owner unless he is the operator. fresh: its keys were made just now.
func (h *Hub) put(tx Tx, op string, c Caller, n NewGroup, fresh bool) (*work, error) {
	g, err := h.newGroup(op, c, n)
	if err != nil {
		return nil, err
	}
	if err := h.free(tx, op, g); err != nil {
		return nil, err
	}
	before := g.Address
	if fresh {
		before = Address{}
	}
	if err := h.renewFor(tx, before); err != nil {
		return nil, err
	}
	now, err := h.clock.expiry(tx)
	if err != nil {
		return nil, err
	}
	problem, told := h.newEnd(g.Policy.ExpiresAt, now)
	if problem != "" {
		return nil, &Error{Kind: KindInvalid, Op: op, Field: "expires_at", Msg: problem}
	}
	g.Ending.Told = told
	g.Created = h.clock.wall()
	g.Updated, g.Rev = g.Created, 1
	if err := errors.Join(tx.PutGroup(g), tx.PutHead(g.ID, Head{Rev: 1}), tx.DeleteRemovedGroup(g.ID)); err != nil {
		return nil, err
	}
	if err := tx.AddServerLine(ServerLine{Time: g.Created, By: c.Identity, Action: op, Group: g.ID, Detail: g.Address.String()}, maxServerLog); err != nil {
		return nil, err
	}
	s, err := h.look(tx, op, c, g.ID)
	if err != nil {
		return nil, err
	}
	w := &work{scene: *s, w: tx}
	if c.Local {
		return w, nil
	}
	_, err = w.admit(applicant{c.Identity, c.PublicKey, c.Ratchet, cleanName(n.CreatorName), IdentityHash{}}, g.Policy.OwnerRole())
	return w, err
}

// newGroup checks a new group and fills in what is left out.
func (h *Hub) newGroup(op string, c Caller, n NewGroup) (Group, error) {
	invalid := func(field, msg string) (Group, error) {
		return Group{}, &Error{Kind: KindInvalid, Op: op, Field: field, Msg: msg}
	}
	n, err := n.settled()
	if err != nil {
		return Group{}, err
	}
	id, err := IdentityOf(n.PublicKey)
	if err != nil {
		return invalid("public_key", err.Error())
	}
	switch {
	case len(n.PrivateKey) == 0:
		return invalid("private_key", "is needed to serve the group")
	case !c.Local && n.ID != "":
		return invalid("id", "is made by the server")
	case !c.Local && !n.Owner.IsZero():
		return invalid("owner", "you are the owner")
	case !c.Local && len(c.PublicKey) == 0:
		return invalid("public_key", "is not known yet: announce yourself, then try again")
	}
	if n.ID == "" {
		n.ID = madePrefix + GroupID(hex.EncodeToString(id[:])[:madeDigits])
	}
	if len(n.ID) > 32 || strings.Trim(string(n.ID), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return invalid("id", "1 to 32 of a-z, 0-9, - and _")
	}
	g := Group{
		ID: n.ID, Identity: id, Address: AddressOf(id), PublicKey: n.PublicKey, PrivateKey: n.PrivateKey, Public: n.Public,
		PublicName: cleanName(n.PublicName), PrivateName: cleanName(n.PrivateName), Joining: n.Joining, Policy: n.Policy, Owner: n.Owner, Preset: n.Preset, SeenKey: make([]byte, 32),
	}
	if !c.Local {
		g.Creator = c.Identity
	}
	if g.PublicName == "" {
		return invalid("public_name", "must not be empty")
	}
	if g.Topic, err = cleanText(op, "topic", n.Topic, MaxTopicBytes); err != nil {
		return Group{}, err
	}
	switch {
	case g.Joining == 0 && g.Public:
		g.Joining = moderation.JoiningOpen
	case g.Joining == 0:
		g.Joining = moderation.JoiningApprove
	case g.Joining > moderation.JoiningInvite:
		return invalid("joining", "no such policy")
	}
	if field, problem := checkPolicy(g); problem != "" {
		return invalid(field, problem)
	}
	return g, h.random(g.SeenKey)
}

// free makes sure that no other group has the id or the identity.
func (h *Hub) free(tx ReadTx, op string, g Group) error {
	all, err := tx.Groups()
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.ID == g.ID || other.Identity == g.Identity {
			return &Error{Kind: KindConflict, Op: op, Field: "id", Msg: fmt.Sprintf("the group %q exists", other.ID)}
		}
	}
	return leaving(tx, op, g)
}

// madeGroup reads a group that was made; only the operator is told its private key.
func (h *Hub) madeGroup(ctx context.Context, op string, c Caller, made founded) (Group, error) {
	var g Group
	err := h.read(ctx, op, c, made.Group, func(s *scene) error { g = s.group; return nil })
	if !c.Local {
		g.PrivateKey, g.SeenKey = nil, nil
	}
	return g, err
}

// Groups lists the groups here that the caller may see, by id, as Info of the caller: all for Local callers; public ones for everybody
// else, and private ones for their members, who waits there, and whom an invite names. Who asks often waits.
func (h *Hub) Groups(ctx context.Context, c Caller) ([]Info, error) {
	const op = "groups"
	c, err := prepare(op, c)
	if err != nil {
		return nil, err
	}
	if !c.Local { // who has not identified shares with all others
		if wait := h.listing.TakeOne(h.clock.wall(), c.Identity, moderation.Rate{Burst: listBurst, Every: listEvery}); wait > 0 {
			h.unlisted.Add(1)
			return nil, &Error{Kind: KindRateLimited, Op: op, Msg: "the groups were listed often just now, wait a little", Reason: moderation.ReasonRate, RetryAfter: wait}
		}
	}
	var list []Info
	err = h.store.View(ctx, func(tx ReadTx) error {
		all, err := tx.Groups()
		if err != nil {
			return err
		}
		known, err := knownIn(tx, c.Identity)
		if err != nil {
			return err
		}
		for _, g := range all {
			if !g.Public && !c.Local && !known[g.ID] {
				continue
			}
			s, err := h.look(tx, op, c, g.ID)
			if err != nil {
				return err
			}
			if st := s.standing.Standing; !g.Public && !c.Local && (st == moderation.StandingStranger || st == moderation.StandingBanned) {
				continue
			}
			info, err := s.info()
			if err != nil {
				return err
			}
			list = append(list, info)
		}
		return nil
	})
	if err != nil {
		return nil, h.failed(op, err)
	}
	return list, nil
}

// knownIn are the groups that have a row of somebody, a member, former member, one who waits or is invited.
func knownIn(tx ReadTx, id IdentityHash) (map[GroupID]bool, error) {
	if id.IsZero() {
		return nil, nil
	}
	members, err := tx.Memberships(AnyHash(id), maxPlaces)
	if err != nil {
		return nil, err
	}
	requests, err := tx.RequestsOf(AnyHash(id), maxPlaces)
	if err != nil {
		return nil, err
	}
	invites, err := tx.InvitesTo(AnyHash(id), AnyHash(AddressOf(id)), 4*maxPlaces)
	known := make(map[GroupID]bool)
	for _, m := range members {
		known[m.Group] = true
	}
	for _, r := range requests {
		known[r.Group] = true
	}
	for _, i := range invites {
		known[i.Group] = true
	}
	return known, err
}

// RemovedGroups lists the operator's groups that were deleted, so that they are not made again from a configuration. Local callers only.
func (h *Hub) RemovedGroups(ctx context.Context, c Caller) ([]RemovedGroup, error) {
	const op = "removed groups"
	if err := operator(op, c); err != nil {
		return nil, err
	}
	var list []RemovedGroup
	if err := h.store.View(ctx, func(tx ReadTx) (err error) { list, err = tx.RemovedGroups(); return err }); err != nil {
		return nil, h.failed(op, err)
	}
	return list, nil
}

// ServerLog lists what was done with whole groups, newest first, IDs below before (0: no bound). Local callers only.
func (h *Hub) ServerLog(ctx context.Context, c Caller, before int64, limit int) ([]ServerLine, error) {
	const op = "server log"
	if err := operator(op, c); err != nil {
		return nil, err
	}
	var list []ServerLine
	if err := h.store.View(ctx, func(tx ReadTx) (err error) { list, err = tx.ServerLog(before, pageSize(limit)); return err }); err != nil {
		return nil, h.failed(op, err)
	}
	return list, nil
}
