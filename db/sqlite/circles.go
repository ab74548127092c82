package sqlite

import (
	"math"
	"time"

	"groupd/group"
)

func (t tx) Circle(g group.GroupID) (group.Circle, error) {
	return find(t.conn, func(r row) (c group.Circle, err error) {
		c.Group = g
		err = r.Scan(moment{&c.Until}, moment{&c.Established})
		return c, err
	}, "SELECT until_at, established_at FROM circles WHERE group_no = "+groupNo, g)
}

func (t tx) PutCircle(c group.Circle) error {
	return t.exec("INSERT OR REPLACE INTO circles (group_no, until_at, established_at) VALUES ("+groupNo+",?2,?3)",
		c.Group, micros(c.Until), micros(c.Established))
}

func (t tx) Invitees(g group.GroupID) ([]group.Invitee, error) {
	return list(t.conn, func(r row) (i group.Invitee, err error) {
		i.Group = g
		err = r.Scan(fixed{i.Who[:]}, fixed{i.By[:]}, &i.State, moment{&i.Invited}, moment{&i.Expires}, moment{&i.Answered})
		return i, err
	}, "SELECT who, by, state, created_at, expires_at, answered_at FROM circle_invitees WHERE group_no = "+groupNo+" ORDER BY created_at, who", g)
}

func (t tx) PutInvitee(i group.Invitee) error {
	return t.exec("INSERT OR REPLACE INTO circle_invitees (group_no, who, by, state, created_at, expires_at, answered_at) VALUES ("+groupNo+",?2,?3,?4,?5,?6,?7)",
		i.Group, i.Who[:], fixed{i.By[:]}, i.State, micros(i.Invited), micros(i.Expires), micros(i.Answered))
}

func (t tx) DeleteInvitee(g group.GroupID, who group.AnyHash) error {
	return t.exec("DELETE FROM circle_invitees WHERE group_no = "+groupNo+" AND who = ?2", g, who[:])
}

const epochColumns = "number, key, reason, seq, rev, created_at, ends_at"

func scanEpoch(r row, e *group.Epoch, more ...any) error {
	return r.Scan(append([]any{&e.Number, fixed{e.Key[:]}, &e.Reason, &e.Seq, &e.Rev, moment{&e.Created}, moment{&e.Ends}}, more...)...)
}

func (t tx) Epochs(g group.GroupID, before uint32, limit int) ([]group.Epoch, error) {
	most := int64(before)
	if before == 0 {
		most = math.MaxInt64
	}
	return list(t.conn, func(r row) (e group.Epoch, err error) {
		e.Group = g
		return e, scanEpoch(r, &e)
	}, "SELECT "+epochColumns+" FROM epochs WHERE group_no = "+groupNo+" AND number < ?2 ORDER BY number DESC LIMIT ?3", g, most, limit)
}

func (t tx) EpochsDue(until time.Time, limit int) ([]group.Epoch, error) {
	return list(t.conn, func(r row) (e group.Epoch, err error) {
		return e, scanEpoch(r, &e, &e.Group)
	}, "SELECT "+epochColumns+", (SELECT id FROM groups WHERE no = group_no) AS id FROM epochs WHERE ends_at > 0 AND ends_at <= ?1 ORDER BY ends_at, id LIMIT ?2", micros(until), limit)
}

func (t tx) PutEpoch(e group.Epoch) error {
	return t.exec("INSERT OR REPLACE INTO epochs (group_no, "+epochColumns+") VALUES ("+groupNo+",?2,?3,?4,?5,?6,?7,?8)",
		e.Group, e.Number, e.Key[:], e.Reason, e.Seq, e.Rev, micros(e.Created), micros(e.Ends))
}

func (t tx) DropEpochs(g group.GroupID, before uint32) error {
	return t.exec("DELETE FROM epochs WHERE group_no = "+groupNo+" AND number < ?2", g, before)
}
