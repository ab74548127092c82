package msgpack_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns/msgpack"
)

// appendTyped packs a typed value with this package; ok is false for an integer that has no form.
func appendTyped(t *testing.T, o vectors.Object, b []byte, v vectors.TypedValue) (packed []byte, ok bool) {
	t.Helper()
	decode := func(into any) {
		t.Helper()
		if err := json.Unmarshal(v.V, into); err != nil {
			t.Fatal(err)
		}
	}
	switch v.T {
	case "nil":
		return msgpack.AppendNil(b), true
	case "bool":
		var x bool
		decode(&x)
		return msgpack.AppendBool(b, x), true
	case "int":
		var text string
		decode(&text)
		if x, err := strconv.ParseInt(text, 10, 64); err == nil {
			return msgpack.AppendInt(b, x), true
		}
		x, err := strconv.ParseUint(text, 10, 64)
		return msgpack.AppendUint(b, x), err == nil
	case "float":
		return msgpack.AppendFloat(b, math.Float64frombits(binary.BigEndian.Uint64(o.TypedBytes(v)))), true
	case "str":
		var text string
		if json.Unmarshal(v.V, &text) != nil {
			text = string(o.TypedBytes(v))
		}
		return msgpack.AppendStr(b, text), true
	case "bin":
		return msgpack.AppendBin(b, o.TypedBytes(v)), true
	case "ext":
		return msgpack.AppendExt(b, v.Type, o.TypedBytes(v)), true
	case "array":
		var items []vectors.TypedValue
		decode(&items)
		b = msgpack.AppendArray(b, len(items))
		for _, item := range items {
			if b, ok = appendTyped(t, o, b, item); !ok {
				return nil, false
			}
		}
		return b, true
	case "map":
		var pairs [][2]vectors.TypedValue
		decode(&pairs)
		b = msgpack.AppendMap(b, len(pairs))
		for _, pair := range pairs {
			for _, item := range pair {
				if b, ok = appendTyped(t, o, b, item); !ok {
					return nil, false
				}
			}
		}
		return b, true
	case "nils":
		var n int
		decode(&n)
		b = msgpack.AppendArray(b, n)
		for range n {
			b = msgpack.AppendNil(b)
		}
		return b, true
	case "counted_map":
		var n int
		decode(&n)
		b = msgpack.AppendMap(b, n)
		for i := range n {
			b = msgpack.AppendNil(msgpack.AppendInt(b, int64(i)))
		}
		return b, true
	}
	t.Fatalf("unknown type %q", v.T)
	return nil, false
}

func TestVectorsMsgpackPack(t *testing.T) {
	vectors.RunKinds(t, "msgpack", []string{"pack"}, func(t *testing.T, c vectors.Case) {
		packed, ok := appendTyped(t, c.In, nil, c.In.TypedValue("value"))
		if ok != c.Valid {
			t.Fatalf("packable is %v, want %v", ok, c.Valid)
		}
		if !c.Valid {
			return
		}
		c.Out.CheckBytes("packed", packed)
		if !msgpack.Raw(packed).Valid() {
			t.Fatal("what was packed does not check")
		}
		c.In.CheckTyped("value", packed)
		if loaders, _ := c.In.Typed("value"); string(loaders) != string(packed) {
			t.Fatalf("the loader packs it as %x", loaders)
		}
	})
}

func TestVectorsMsgpackUnpack(t *testing.T) {
	vectors.RunKinds(t, "msgpack", []string{"unpack"}, func(t *testing.T, c vectors.Case) {
		raw, err := msgpack.NewReader(c.In.Bytes("packed")).Raw()
		if (err == nil) != c.Valid {
			t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
		}
		if !c.Valid {
			return
		}
		c.Out.CheckTyped("value", raw)
		c.Out.CheckTyped("value", reappend(t, msgpack.NewReader(raw), nil))
	})
}

// reappend reads the next value with the typed readers and appends it again.
func reappend(t *testing.T, r *msgpack.Reader, b []byte) []byte {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	switch r.Kind() {
	case msgpack.KindNil:
		must(r.Nil())
		return msgpack.AppendNil(b)
	case msgpack.KindBool:
		v, err := r.Bool()
		must(err)
		return msgpack.AppendBool(b, v)
	case msgpack.KindInt:
		if v, err := r.Int(); err == nil {
			return msgpack.AppendInt(b, v)
		}
		v, err := r.Uint()
		must(err)
		return msgpack.AppendUint(b, v)
	case msgpack.KindFloat:
		v, err := r.Float()
		must(err)
		return msgpack.AppendFloat(b, v)
	case msgpack.KindStr:
		v, err := r.Str()
		must(err)
		return msgpack.AppendStr(b, v)
	case msgpack.KindBin:
		v, err := r.Bin()
		must(err)
		return msgpack.AppendBin(b, v)
	case msgpack.KindExt:
		typ, v, err := r.Ext()
		must(err)
		return msgpack.AppendExt(b, typ, v)
	case msgpack.KindArray:
		n, err := r.Array()
		must(err)
		b = msgpack.AppendArray(b, n)
		for range n {
			b = reappend(t, r, b)
		}
		return b
	case msgpack.KindMap:
		n, err := r.Map()
		must(err)
		b = msgpack.AppendMap(b, n)
		for range 2 * n {
			b = reappend(t, r, b)
		}
		return b
	}
	t.Fatalf("kind %v at %d", r.Kind(), r.Offset())
	return nil
}
