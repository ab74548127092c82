package group

import (
	"bytes"
	"errors"
	"time"

	"groupd/moderation"
)

// presence is somebody who is a member in the file, or waits to join.
type presence struct {
	since  time.Time
	member bool
}

// isHere notes that somebody is a member, or waits.
func (c *checker) isHere(id IdentityHash, p presence) {
	c.here[AnyHash(id)], c.here[AnyHash(AddressOf(id))] = p, p
}

// bound refuses a ban of somebody who is a member, or waits to join: where both were stored he would be one in spite of it, for the server
// that makes a ban ends the membership and the request in the same step, and lets nobody in whom one keeps out. Bans that had ended when he came, or
// when the file was written, are only not swept away yet.
func (c *checker) bound(b Ban) error {
	for _, h := range []AnyHash{b.Target, AnyHash(b.Identity), AnyHash(b.Address)} {
		p, found := c.here[h]
		if !found || !moderation.BanInForce(b.Expires, c.believed) || !moderation.BanInForce(b.Expires, p.since) {
			continue
		}
		if p.member {
			return c.wrong("target", "%s is banned and a member at once", h)
		}
		return c.wrong("target", "%s is banned and waits to join at once", h)
	}
	return nil
}

// ranked refuses a rank in a group where nobody has one.
func (c *checker) ranked(r moderation.Role, p moderation.Permission) error {
	if c.from.Policy.NoStaff && (r > moderation.RoleMember || p != 0) {
		return c.wrong("role", "nobody has a rank in a group without staff")
	}
	return nil
}

func (c *checker) memberLine(g GroupID) (Member, error) {
	var r memberRow
	if err := c.into(&r); err != nil {
		return Member{}, err
	}
	m := r.member(g)
	if err := c.keys(m.Identity, m.PublicKey, m.Ratchet); err != nil {
		return m, err
	}
	_, twice := c.members[m.Identity]
	switch {
	case twice:
		return m, c.wrong("identity", "is there twice")
	case r.Address != m.Address:
		return m, c.wrong("address", "is not the identity's")
	case len(c.members) >= c.limits.Members+c.limits.Departed:
		return m, c.wrong("", "more than %d members: see members and departed in [limits]", c.limits.Members+c.limits.Departed)
	case m.Rev <= c.memberRev || m.Rev > c.head.Rev:
		return m, c.wrong("rev", "does not rise, or is above the head's")
	case !roleFits(m.Present, m.Role, m.Permissions):
		return m, c.wrong("role", "role, permissions and presence do not fit each other")
	case m.DisplayName != cleanName(m.DisplayName), m.Present && m.DisplayName == "":
		return m, c.wrong("name", "is no clean name")
	case m.Present && c.names[m.Skeleton]:
		return m, c.wrong("name", "looks like another member's")
	case m.JoinSeq > c.head.Seq:
		return m, c.wrong("join_seq", "is above the head's")
	case m.Present && (m.Identity == c.from.Identity || m.Identity == c.own):
		return m, c.wrong("identity", "is the group itself")
	}
	if err := c.ranked(m.Role, m.Permissions); err != nil {
		return m, err
	}
	if err := errors.Join(c.clean("status", m.Status, MaxStatusBytes), c.clean("mute", m.Mute.Reason, MaxReasonBytes)); err != nil {
		return m, err
	}
	var key *[PublicKeySize]byte
	if len(m.PublicKey) > 0 {
		key = (*[PublicKeySize]byte)(m.PublicKey)
	}
	c.members[m.Identity], c.memberRev, c.revs = key, m.Rev, append(c.revs, m.Rev)
	if m.Present {
		c.isHere(m.Identity, presence{m.Joined, true})
		c.present++
		c.names[m.Skeleton] = true
	}
	return m, nil
}

func (c *checker) requestLine(g GroupID) (Request, error) {
	var r requestRow
	if err := c.into(&r); err != nil {
		return Request{}, err
	}
	q := r.request(g)
	switch {
	case c.requests[q.Identity]:
		return q, c.wrong("identity", "is there twice")
	case q.DisplayName != cleanName(q.DisplayName):
		return q, c.wrong("name", "is no clean name")
	case c.here[AnyHash(q.Identity)].member:
		return q, c.wrong("identity", "waits to join and is a member at once")
	}
	c.requests[q.Identity] = true
	c.isHere(q.Identity, presence{since: q.Created})
	if err := c.keys(q.Identity, q.PublicKey, q.Ratchet); err != nil {
		return q, err
	}
	if err := c.clean("greeting", q.Greeting, MaxGreeting); err != nil {
		return q, err
	}
	return q, c.atMost(kindRequest, c.limits.Requests)
}

func (c *checker) banLine(g GroupID) (Ban, error) {
	var r banRow
	if err := c.into(&r); err != nil {
		return Ban{}, err
	}
	b := r.ban(g)
	switch {
	case bytes.Compare(b.Target[:], c.lastBan[:]) <= 0:
		return b, c.wrong("target", "is missing, or does not rise")
	case !b.Identity.IsZero() && b.Address != AddressOf(b.Identity):
		return b, c.wrong("address", "is not the identity's")
	case !b.Identity.IsZero() && !b.Target.Names(b.Identity):
		return b, c.wrong("identity", "is not whom target names")
	case b.DisplayName != cleanName(b.DisplayName):
		return b, c.wrong("name", "is no clean name")
	}
	c.lastBan = b.Target
	if err := errors.Join(c.clean("reason", b.Reason, MaxReasonBytes), c.bound(b)); err != nil {
		return b, err
	}
	return b, c.atMost(kindBan, c.limits.Bans)
}

func (c *checker) inviteLine(g GroupID) (Invite, error) {
	var r inviteRow
	if err := c.into(&r); err != nil {
		return Invite{}, err
	}
	i := r.invite(g)
	switch {
	case i.ID <= c.invites || i.ID > maxImportNumber:
		return i, c.wrong("id", "does not rise")
	case i.Code == Hash{}:
		return i, c.wrong("code", "is missing")
	case i.Uses < 1 || i.Uses > MaxInviteUses || i.Used < 0 || i.Used > MaxInviteUses:
		return i, c.wrong("uses", "must be 1 to %d", MaxInviteUses)
	case i.Uses > 1 && !i.For.IsZero():
		return i, c.wrong("uses", "who is named can join once")
	case i.Role > moderation.RoleMember && i.For.IsZero():
		return i, c.wrong("role", "only members are invited by a code alone")
	}
	if err := c.ranked(i.Role, 0); err != nil {
		return i, err
	}
	c.invites = i.ID
	return i, c.atMost(kindInvite, c.limits.Invites)
}

func (c *checker) deliveryLine(g GroupID) (Delivery, error) {
	var r deliveryRow
	if err := c.into(&r); err != nil {
		return Delivery{}, err
	}
	d := r.delivery(g)
	if field, problem := d.Preferences.Check(); problem != "" {
		return d, c.wrong(field, "%s", problem)
	}
	_, member := c.members[d.Identity]
	switch {
	case bytes.Compare(d.Identity[:], c.delivery[:]) <= 0:
		return d, c.wrong("identity", "is missing, or does not rise")
	case !member && !c.requests[d.Identity]:
		return d, c.wrong("identity", "is nobody's here")
	case d.Cursor > c.head.Rev:
		return d, c.wrong("cursor", "is above the head's rev")
	case d.State > DeliveryWaits || d.Attempts < 0 || d.Spent < 0:
		return d, c.wrong("state", "is none that there is")
	}
	c.delivery = d.Identity
	return d, nil
}

func (c *checker) expectedLine(g GroupID) (Expected, error) {
	var r expectedRow
	if err := c.into(&r); err != nil {
		return Expected{}, err
	}
	e := r.expected(g)
	switch {
	case bytes.Compare(e.Target[:], c.lastExpected[:]) <= 0:
		return e, c.wrong("target", "is missing, or does not rise")
	case e.DisplayName != cleanName(e.DisplayName):
		return e, c.wrong("name", "is no clean name")
	case e.Role == moderation.RoleNone:
		return e, c.wrong("role", "is missing")
	}
	if err := c.ranked(e.Role, 0); err != nil {
		return e, err
	}
	c.lastExpected = e.Target
	return e, c.atMost(kindExpected, c.limits.Members)
}

func (c *checker) circleLine(g GroupID) (Circle, error) {
	var r circleRow
	if err := c.into(&r); err != nil {
		return Circle{}, err
	}
	return r.circle(g), c.atMost(kindCircle, 1)
}

func (c *checker) inviteeLine(g GroupID) (Invitee, error) {
	var r inviteeRow
	if err := c.into(&r); err != nil {
		return Invitee{}, err
	}
	i := r.invitee(g)
	switch {
	case c.counts[kindCircle] == 0:
		return i, c.wrong("kind", "an invitee without a circle")
	case i.Who.IsZero() || c.invitees[i.Who]:
		return i, c.wrong("who", "is missing, or there twice")
	case i.State < InviteeAsked || i.State > InviteeRefused:
		return i, c.wrong("state", "is none that is stored")
	}
	c.invitees[i.Who] = true
	return i, c.atMost(kindInvitee, maxInvitees)
}

func (c *checker) epochLine(g GroupID) (Epoch, error) {
	var r epochRow
	if err := c.into(&r); err != nil {
		return Epoch{}, err
	}
	e := r.epoch(g)
	switch {
	case e.Number == 0 || e.Number > maxImportEpoch || (c.counts[kindEpoch] > 1 && e.Number >= c.lastEpoch):
		return e, c.wrong("number", "is missing, too large, or does not fall")
	case e.Seq > c.head.Seq || e.Rev > c.head.Rev:
		return e, c.wrong("seq", "is above the head's")
	case e.Reason < moderation.EpochFirst || e.Reason > moderation.EpochRemoval:
		return e, c.wrong("reason", "is none that there is")
	}
	c.lastEpoch = e.Number
	return e, c.atMost(kindEpoch, maxEpochs)
}
