package pages

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"groupd/group"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// Bounds of what comes with a request.
const (
	// MaxRequest is the largest data of a request, in bytes.
	MaxRequest = 64 << 10
	// maxValues is how many fields and variables are read; those behind are left out.
	maxValues = 64
	// maxKey is how long the name of one may be, in bytes.
	maxKey = 64
)

// client is the program of the visitor, as far as it can be told. It decides about hints, and nothing else.
type client uint8

const (
	clientUnknown  client = iota
	clientNomadNet        // sends nil where there is no data
	clientMeshChat        // sends an empty map
)

// visit is one request for a page. It is used by one goroutine.
type visit struct {
	ctx    context.Context
	path   string       // as registered; "" where nobody knows it
	caller group.Caller // who identified on this link; zero: nobody
	link   rns.LinkID
	client client
	info   group.Info // the group as the caller may see it, read before the page is made

	fields, variables map[string]string

	powers []moderation.Action // what the caller can do in the group; nil: not asked yet; see Server.can
	nonces map[string]string   // of the forms on the page that is being made
	used   string              // the nonce that was taken
	id     string              // of what was sent with it; see acting
	late   bool                // a form was sent that was open for too long, or was never shown here
	again  bool                // a form was sent that was sent before as it is
	other  bool                // a form was sent that was sent before with something else in it
}

// read takes a request's data: nothing, or a map of text to text. What is neither is left out.
func (v *visit) read(data msgpack.Raw) {
	v.fields, v.variables = make(map[string]string), make(map[string]string)
	if len(data) == 0 || data.IsNil() {
		v.client = clientNomadNet
		return
	}
	r := msgpack.NewReader(data)
	n, err := r.Map()
	if err != nil {
		return
	}
	if n == 0 {
		v.client = clientMeshChat
	}
	for ; n > 0; n-- {
		key, err := r.Raw()
		if err != nil {
			return
		}
		value, err := r.Raw()
		if err != nil {
			return
		}
		name, isText := key.Str()
		text, isText2 := value.Str()
		if !isText || !isText2 || len(name) > maxKey || len(v.fields)+len(v.variables) >= maxValues {
			continue
		}
		if field, ok := strings.CutPrefix(name, "field_"); ok {
			v.fields[strings.TrimPrefix(field, fieldPrefix)] = strings.ToValidUTF8(text, "")
		} else if variable, ok := strings.CutPrefix(name, "var_"); ok {
			v.variables[variable] = decode(strings.ToValidUTF8(text, ""))
		}
	}
}

// field is what stood in a field of the form; "" when there is none.
func (v *visit) field(name string) string { return v.fields[name] }

// variable is what a link gave along; "" when it did not. Anybody's page can have a link to here: a variable alone never changes anything.
func (v *visit) variable(name string) string { return v.variables[name] }

// value is a field, or else a variable of that name.
func (v *visit) value(name string) string {
	if f, ok := v.fields[name]; ok {
		return f
	}
	return v.variables[name]
}

// number is a value as a number from 0 on; 0 when it is none.
func (v *visit) number(name string) uint64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(v.value(name)), "#"), 10, 63)
	if err != nil {
		return 0
	}
	return n
}

// seq is a value as the number of an entry.
func (v *visit) seq(name string) group.Seq { return group.Seq(v.number(name)) }

// holder is whom the forms of the page that is being made are shown to.
func (v *visit) holder() holder { return holder{v.link, v.caller.Identity} }

// identified reports whether somebody identified on this link.
func (v *visit) identified() bool { return !v.caller.Identity.IsZero() }

// member reports whether the caller is in the group.
func (v *visit) member() bool {
	s := v.info.You.Standing
	return s == moderation.StandingMember || s == moderation.StandingMuted
}

// may reports whether the caller has a permission; for what is shown alone, the Hub decides.
func (v *visit) may(p moderation.Permission) bool {
	you := v.info.You
	return v.member() && (you.Role == moderation.RoleOwner || you.Permissions.Has(p))
}

// reads reports whether the caller sees the timeline, so that pages lead him there; for what is shown alone, the Hub decides.
func (v *visit) reads() bool {
	return v.member() || v.info.Inside && v.info.Joining == moderation.JoiningOpen
}

// writes reports whether the caller can post, so that pages offer it.
func (v *visit) writes(s *Server) bool {
	return v.member() && !v.info.Over && (!v.info.Policy.ReadOnly || s.can(v, moderation.ActionPost))
}

// acting is the caller with the id of what was sent, so that the Hub does the same thing once however often it is asked. One form that calls
// several methods gives each a number of its own; once what has 0 is done, the form is (wasDone).
func (v *visit) acting(n int) group.Caller {
	c := v.caller
	switch {
	case v.id == "":
	case n == 0:
		c.ClientID = []byte(v.id)
	default:
		c.ClientID = []byte(v.id + "-" + strconv.Itoa(n))
	}
	return c
}

// sum stands for all that was sent with a form, as fields show it: of what comes back and is sent once more it is the same.
func (v *visit) sum() string {
	const enough = 6 // bytes, beside a nonce
	h := sha256.New()
	for _, values := range []map[string]string{v.fields, v.variables} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(h, "%q %q ", name, plain(moderation.CleanLine(values[name])))
		}
		fmt.Fprintln(h)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:enough])
}

// groupName is what the caller may know the group by.
func (v *visit) groupName() string {
	if v.info.PrivateName != "" {
		return v.info.PrivateName
	}
	return v.info.PublicName
}

func seqText(s group.Seq) string { return strconv.FormatUint(uint64(s), 10) }
