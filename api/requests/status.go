package requests

import (
	"errors"
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// codeOf is the one table from the domain's kinds of error to the codes of the protocol.
func codeOf(kind group.Kind) groupdv1.Code {
	switch kind {
	case group.KindNotIdentified:
		return groupdv1.Code_NOT_IDENTIFIED
	case group.KindDenied:
		return groupdv1.Code_DENIED
	case group.KindNotMember:
		return groupdv1.Code_NOT_MEMBER
	case group.KindPending:
		return groupdv1.Code_PENDING
	case group.KindBanned:
		return groupdv1.Code_BANNED
	case group.KindMuted:
		return groupdv1.Code_MUTED
	case group.KindInvalid:
		return groupdv1.Code_INVALID
	case group.KindNotFound:
		return groupdv1.Code_NOT_FOUND
	case group.KindRateLimited:
		return groupdv1.Code_RATE_LIMITED
	case group.KindStampRequired:
		return groupdv1.Code_STAMP_REQUIRED
	case group.KindTooLarge:
		return groupdv1.Code_TOO_LARGE
	case group.KindFull:
		return groupdv1.Code_FULL
	case group.KindConflict:
		return groupdv1.Code_CONFLICT
	case group.KindUnsupported:
		return groupdv1.Code_UNSUPPORTED
	}
	return groupdv1.Code_INTERNAL
}

// statusOf turns an error into the status that tells it. INTERNAL says nothing of the cause; the caller adds a log id.
func statusOf(err error) *groupdv1.Status {
	var e *group.Error
	if !errors.As(err, &e) {
		e = &group.Error{Kind: group.KindInternal}
	}
	code := codeOf(e.Kind)
	s := &groupdv1.Status{Code: code}
	if code == groupdv1.Code_INTERNAL {
		s.Message = "something went wrong on the server: try again later"
		return s
	}
	s.Message = e.Msg
	s.Field = e.Field
	s.RetryAfterS = seconds(e.RetryAfter)
	switch code {
	case groupdv1.Code_STAMP_REQUIRED:
		s.StampCost = uint32(min(max(e.Limit, 0), math.MaxUint32))
	case groupdv1.Code_TOO_LARGE, groupdv1.Code_FULL:
		s.Limit, s.Needed = uint64(max(e.Limit, 0)), uint64(max(e.Needed, 0))
	}
	for _, m := range e.Choices {
		s.Choices = append(s.Choices, &groupdv1.Choice{Address: m.Address[:], Name: m.DisplayName})
	}
	return s
}

// wireField is the request's name of a field that the domain calls otherwise.
func wireField(path, field string) string {
	switch field {
	case "target", "author":
		switch path {
		case "/messages/delete":
			return "all_by"
		case "/messages/search":
			return "author"
		case "/members/transfer":
			return "from"
		}
		return "who"
	case "status":
		return "status_text"
	case "public_name", "creator_name":
		if path == "/groups/create" || path == "/groups/clone" {
			return map[string]string{"public_name": "name", "creator_name": "my_name"}[field]
		}
	case "duration":
		return "duration_s"
	}
	return field
}

// seconds rounds up, so that a client that waits them has waited long enough.
func seconds(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	return uint32(min((d+time.Second-1)/time.Second, math.MaxUint32))
}

// statusField is the number of the field that holds the status in every reply.
const statusField = 1

// setStatus puts a status into any reply message.
func setStatus(reply proto.Message, s *groupdv1.Status) {
	m := reply.ProtoReflect()
	m.Set(m.Descriptor().Fields().ByNumber(statusField), protoreflect.ValueOfMessage(s.ProtoReflect()))
}

// withoutWords is a status with its code and numbers alone.
func withoutWords(st *groupdv1.Status) *groupdv1.Status {
	return &groupdv1.Status{
		Code: st.GetCode(), RetryAfterS: st.GetRetryAfterS(), StampCost: st.GetStampCost(), StampDay: st.GetStampDay(), Limit: st.GetLimit(),
		Needed: st.GetNeeded(), LogId: st.GetLogId(),
	}
}

// invalid is the error for a field that holds what it may not hold.
func invalid(field, msg string) error {
	return &group.Error{Kind: group.KindInvalid, Op: "request", Field: field, Msg: msg}
}

// noRoom is the error for a reply that does not fit its budget.
func noRoom(needed int) error {
	return &group.Error{Kind: group.KindTooLarge, Op: "request", Msg: "max_bytes leaves no room for this", Needed: int64(needed)}
}
