package requests

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"groupd/rns/msgpack"
)

// form is how a request came, and so how its reply goes.
type form struct {
	json bool // JSON instead of protobuf
	text bool // as a msgpack string instead of bytes
}

// open takes a request's data apart. Data is nil (an empty message), bytes (protobuf, or JSON if they begin with a brace) or a string
// (JSON).
func open(data msgpack.Raw) (f form, body []byte, err error) {
	switch {
	case !data.Valid():
		return f, nil, invalid("", "the request's data is not a msgpack value")
	case data.IsNil():
		return f, nil, nil
	}
	if s, ok := data.Str(); ok {
		return form{json: true, text: true}, []byte(s), nil
	}
	if b, ok := data.Bin(); ok {
		return form{json: len(b) > 0 && b[0] == '{'}, b, nil
	}
	return f, nil, invalid("", "the request's data has to be nil, bytes or a string")
}

// wrap makes the msgpack value that carries an encoded reply.
func (f form) wrap(reply []byte) msgpack.Raw {
	if f.text {
		return msgpack.Str(string(reply))
	}
	return msgpack.Bin(reply)
}

// decode reads body into an empty request message.
func (f form) decode(body []byte, into proto.Message) error {
	if err := f.parse(body, into); err != nil {
		return err
	}
	bound(into)
	return nil
}

// bound lowers numbers of entries, revs and the like to the largest that there can be: databases count to 2^63 - 1.
func bound(m proto.Message) {
	fields := m.ProtoReflect()
	fields.Range(func(d protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case d.Kind() != protoreflect.Uint64Kind:
		case d.IsList():
			for i := range v.List().Len() {
				v.List().Set(i, protoreflect.ValueOfUint64(min(v.List().Get(i).Uint(), math.MaxInt64)))
			}
		default:
			fields.Set(d, protoreflect.ValueOfUint64(min(v.Uint(), math.MaxInt64)))
		}
		return true
	})
}

func (f form) parse(body []byte, into proto.Message) error {
	if !f.json {
		if err := proto.Unmarshal(body, into); err != nil {
			return invalid("", "the request's bytes are not the protobuf message of this path")
		}
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := protojson.Unmarshal(body, into); err != nil {
		return invalid("", "the request's JSON cannot be read: "+plainWords(err))
	}
	return nil
}

// plainWords takes out of protojson's errors what varies between builds, and bounds their length.
func plainWords(err error) string {
	s := strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto:"))
	const most = 160
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// encode makes the bytes of a reply. Equal messages make equal bytes.
func (f form) encode(reply proto.Message) ([]byte, error) {
	if !f.json {
		return proto.MarshalOptions{Deterministic: true}.Marshal(reply)
	}
	loose, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(reply)
	if err != nil {
		return nil, err
	}
	var tight bytes.Buffer
	if err := json.Compact(&tight, loose); err != nil {
		return nil, err
	}
	return tight.Bytes(), nil
}
