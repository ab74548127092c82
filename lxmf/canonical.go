package lxmf

import (
	"groupd/rns/msgpack"
)

// canonicalArray packs the first n elements of the array in b anew, as the reference would write them: integers, lengths
// and heads in their shortest form, floats with 64 bits, maps in their order, bytes and text kept apart (spec 4 §1.4). The
// array is well-formed already; what stands behind the n elements is left out.
func canonicalArray(b []byte, n int) ([]byte, error) {
	rd := msgpack.NewReader(b)
	if _, err := rd.Array(); err != nil {
		return nil, err
	}
	out := msgpack.AppendArray(make([]byte, 0, len(b)), n)
	for range n {
		v, err := rd.Raw() // checks: nesting is bounded from here on
		if err != nil {
			return nil, err
		}
		if out, err = appendCanonical(out, msgpack.NewReader(v)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// appendCanonical reads one checked value and appends its canonical form.
func appendCanonical(dst []byte, rd *msgpack.Reader) (_ []byte, err error) {
	switch rd.Kind() {
	case msgpack.KindNil:
		return msgpack.AppendNil(dst), rd.Nil()
	case msgpack.KindBool:
		v, err := rd.Bool()
		return msgpack.AppendBool(dst, v), err
	case msgpack.KindInt:
		if v, err := rd.Uint(); err == nil {
			return msgpack.AppendUint(dst, v), nil
		}
		v, err := rd.Int()
		return msgpack.AppendInt(dst, v), err
	case msgpack.KindFloat:
		v, err := rd.Float()
		return msgpack.AppendFloat(dst, v), err
	case msgpack.KindStr:
		v, err := rd.Str()
		return msgpack.AppendStr(dst, v), err
	case msgpack.KindBin:
		v, err := rd.Bin()
		return msgpack.AppendBin(dst, v), err
	case msgpack.KindExt:
		typ, v, err := rd.Ext()
		return msgpack.AppendExt(dst, typ, v), err
	case msgpack.KindArray:
		n, err := rd.Array()
		dst = msgpack.AppendArray(dst, n)
		for i := 0; i < n && err == nil; i++ {
			dst, err = appendCanonical(dst, rd)
		}
		return dst, err
	case msgpack.KindMap:
		n, err := rd.Map()
		dst = msgpack.AppendMap(dst, n)
		for i := 0; i < 2*n && err == nil; i++ {
			dst, err = appendCanonical(dst, rd)
		}
		return dst, err
	}
	return dst, rd.Skip() // the end, or the reserved code: an error
}
