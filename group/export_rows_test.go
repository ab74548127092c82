package group

// Inner access for the tests of exports; see export_test.go for the rest.

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// ThroughExport writes a row as an export does and reads it again.
func ThroughExport(v any) (any, error) {
	const g = GroupID("valley")
	switch v := v.(type) {
	case Group:
		r, err := again(rowOfGroup(v, Head{}))
		if err != nil {
			return nil, err
		}
		out, _, err := r.group()
		return out, err
	case Head:
		r, err := again(rowOfGroup(Group{Joining: 1}, v))
		return Head(r.Head), err
	case Member:
		r, err := again(rowOfMember(v))
		return r.member(g), err
	case Request:
		r, err := again(rowOfRequest(v))
		return r.request(g), err
	case Ban:
		r, err := again(rowOfBan(v))
		return r.ban(g), err
	case Invite:
		r, err := again(rowOfInvite(v))
		return r.invite(g), err
	case Delivery:
		r, err := again(rowOfDelivery(v))
		return r.delivery(g), err
	case Expected:
		r, err := again(rowOfExpected(v))
		return r.expected(g), err
	case Circle:
		r, err := again(rowOfCircle(v))
		return r.circle(g), err
	case Invitee:
		r, err := again(rowOfInvitee(v))
		return r.invitee(g), err
	case Epoch:
		r, err := again(rowOfEpoch(v))
		return r.epoch(g), err
	case Entry:
		r, err := again(rowOfEntry(v, v.Files, []byte("signed")))
		e, files := r.entry(g)
		e.Files = files
		return e, err
	case Reaction:
		r, err := again(rowOfReaction(v))
		return r.reaction(g), err
	case Report:
		r, err := again(rowOfReport(v))
		return r.report(g), err
	case Audit:
		r, err := again(rowOfAudit(v))
		return r.audit(g), err
	}
	return nil, fmt.Errorf("%T comes out of no export", v)
}

func again[R any](row R) (out R, err error) {
	text, err := json.Marshal(row)
	if err == nil {
		err = unmarshalStrict(text, &out)
	}
	return out, err
}

// ExportedFields are the fields of each kind of line, in the order of kinds.
func ExportedFields() (kinds []string, fields map[string][]string) {
	fields = make(map[string][]string)
	for _, row := range []struct {
		kind string
		row  any
	}{
		{exportFormat, headerRow{}}, {kindGroup, groupRow{}}, {kindIdentity, identityRow{}}, {kindRatchet, ratchetRow{}}, {kindContent, contentRow{}}, {kindMember, memberRow{}},
		{kindRequest, requestRow{}}, {kindBan, banRow{}}, {kindInvite, inviteRow{}}, {kindDelivery, deliveryRow{}}, {kindExpected, expectedRow{}}, {kindCircle, circleRow{}},
		{kindInvitee, inviteeRow{}}, {kindEpoch, epochRow{}}, {kindEntry, entryRow{}}, {kindReaction, reactionRow{}}, {kindReport, reportRow{}}, {kindAudit, auditRow{}},
		{kindSeen, seenRow{}}, {kindEnd, endRow{}},
	} {
		kinds = append(kinds, row.kind)
		for t, i := reflect.TypeOf(row.row), 1; i < t.NumField(); i++ {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			fields[row.kind] = append(fields[row.kind], name)
		}
	}
	return kinds, fields
}
