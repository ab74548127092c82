// Package vectors loads the shared test vectors (testdata/vectors/README.md tells what they are). It is used by
// tests only. Every problem with a vector file, an unknown field form or a missing field fails the test; nothing is
// skipped.
//
// A vector test looks like this:
//
//	func TestVectorsHKDF(t *testing.T) {
//		vectors.Run(t, "hkdf", func(t *testing.T, c vectors.Case) {
//			got, err := HKDF(c.In.Int("length"), c.In.Bytes("ikm"), c.In.Bytes("salt"), c.In.Bytes("context"))
//			if !c.Valid {
//				if err == nil {
//					t.Fatal("accepted")
//				}
//				return
//			}
//			if err != nil {
//				t.Fatal(err)
//			}
//			c.Out.CheckBytes("okm", got)
//		})
//	}
//
// The files are read from the folder named by the environment variable GROUPD_VECTORS, or else from testdata/vectors
// at the root of the module.
package vectors

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// FolderVariable names the environment variable that replaces the folder the vectors are read from.
const FolderVariable = "GROUPD_VECTORS"

// Case is one case of an area.
type Case struct {
	ID, Kind, Description string
	// Valid says whether the operation must succeed with Out.
	Valid bool
	// Lenient marks inputs that no proper sender makes, where an implementation may decide otherwise on purpose.
	Lenient      bool
	Reason, Note string
	In, Out      Object
}

// Folder returns the folder of the vectors.
func Folder(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(FolderVariable); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata", "vectors")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatalf("no go.mod above the working directory, and %s is not set", FolderVariable)
		}
		dir = parent
	}
}

// Load reads all cases of an area ("hkdf", "announces", …). Their objects report to t.
func Load(t testing.TB, area string) []Case {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Folder(t), area+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file []struct {
		ID, Kind, Description, Reason, Note string
		Valid, Lenient                      bool
		In, Out                             map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatalf("%s: %v", area, err)
	}
	if len(file) == 0 {
		t.Fatalf("%s: no cases", area)
	}
	cases := make([]Case, len(file))
	for i, f := range file {
		cases[i] = Case{f.ID, f.Kind, f.Description, f.Valid, f.Lenient, f.Reason, f.Note,
			Object{t, f.ID + " in", f.In}, Object{t, f.ID + " out", f.Out}}
	}
	return cases
}

// On returns the case with its objects reporting to t.
func (c Case) On(t testing.TB) Case {
	c.In.t, c.Out.t = t, t
	return c
}

// Run runs f as one parallel subtest per case of an area.
func Run(t *testing.T, area string, f func(t *testing.T, c Case)) {
	t.Helper()
	RunIf(t, area, nil, f)
}

// RunKinds runs f as one parallel subtest per case of the kinds given. A kind without cases fails.
func RunKinds(t *testing.T, area string, kinds []string, f func(t *testing.T, c Case)) {
	t.Helper()
	for _, kind := range kinds {
		RunIf(t, area, func(c Case) bool { return c.Kind == kind }, f)
	}
}

// RunIf runs f as one parallel subtest per case that take wants; nil wants all. No case at all fails.
func RunIf(t *testing.T, area string, take func(Case) bool, f func(t *testing.T, c Case)) {
	t.Helper()
	ran := 0
	for _, c := range Load(t, area) {
		if take != nil && !take(c) {
			continue
		}
		ran++
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			t.Log(c.Kind, c.Description)
			f(t, c.On(t))
		})
	}
	if ran == 0 {
		t.Fatalf("%s: no case of the kind wanted", area)
	}
}

// Object is a JSON object of a case. Its methods fail the test when a field is missing or of another form; null
// reads as the zero value where the method says so.
type Object struct {
	t      testing.TB
	where  string
	fields map[string]json.RawMessage
}

// Has reports whether the field is there and not null.
func (o Object) Has(key string) bool {
	raw, ok := o.fields[key]
	return ok && string(raw) != "null"
}

// Keys returns the names of all fields, in no order.
func (o Object) Keys() []string {
	var keys []string
	for k := range o.fields {
		keys = append(keys, k)
	}
	return keys
}

func (o Object) decode(key string, into any) {
	o.t.Helper()
	raw, ok := o.fields[key]
	if !ok {
		o.t.Fatalf("%s: no field %q", o.where, key)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		o.t.Fatalf("%s: field %q: %v", o.where, key, err)
	}
}

// JSON returns the text of a field, nil when it is missing.
func (o Object) JSON(key string) json.RawMessage { return o.fields[key] }

// Text returns a string; null is "".
func (o Object) Text(key string) (v string) {
	o.t.Helper()
	o.decode(key, &v)
	return v
}

// Texts returns a list of strings; null is nil.
func (o Object) Texts(key string) (v []string) {
	o.t.Helper()
	o.decode(key, &v)
	return v
}

// Int returns a number without fraction; null is 0.
func (o Object) Int(key string) (v int) {
	o.t.Helper()
	o.decode(key, &v)
	return v
}

// Number returns a JSON number; null is 0.
func (o Object) Number(key string) (v float64) {
	o.t.Helper()
	o.decode(key, &v)
	return v
}

// Ints returns a list of numbers without fractions.
func (o Object) Ints(key string) (v []int) {
	o.t.Helper()
	o.decode(key, &v)
	return v
}

// Bool returns a truth value; null is false.
func (o Object) Bool(key string) (v bool) {
	o.t.Helper()
	o.decode(key, &v)
	return v
}

// Float returns a binary64 written as 16 hex digits.
func (o Object) Float(key string) float64 {
	o.t.Helper()
	b := o.Bytes(key)
	if len(b) != 8 {
		o.t.Fatalf("%s: field %q is no binary64", o.where, key)
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// Object returns an object within the object.
func (o Object) Object(key string) Object {
	o.t.Helper()
	inner := Object{t: o.t, where: o.where + " " + key}
	o.decode(key, &inner.fields)
	return inner
}

// Objects returns a list of objects; null is nil.
func (o Object) Objects(key string) []Object {
	o.t.Helper()
	var list []map[string]json.RawMessage
	o.decode(key, &list)
	objects := make([]Object, len(list))
	for i, fields := range list {
		objects[i] = Object{o.t, o.where + " " + key + " " + strconv.Itoa(i), fields}
	}
	return objects
}

// Bytes returns bytes written as hex, or as a generator; null is nil, and nothing else is.
func (o Object) Bytes(key string) []byte {
	o.t.Helper()
	raw, ok := o.fields[key]
	if !ok {
		o.t.Fatalf("%s: no field %q", o.where, key)
	}
	return o.bytes(key, raw)
}

// BytesList returns a list of byte strings.
func (o Object) BytesList(key string) [][]byte {
	o.t.Helper()
	var list []json.RawMessage
	o.decode(key, &list)
	out := make([][]byte, len(list))
	for i, raw := range list {
		out[i] = o.bytes(key, raw)
	}
	return out
}

// Hash16 returns 16 bytes as an array; null is all zero.
func (o Object) Hash16(key string) (h [16]byte) {
	o.t.Helper()
	if b := o.Bytes(key); b != nil {
		if len(b) != len(h) {
			o.t.Fatalf("%s: field %q has %d bytes, want 16", o.where, key, len(b))
		}
		copy(h[:], b)
	}
	return h
}

// CheckBytes fails the test unless got is what the field says, in hex, as a generator, or as length and SHA-256.
// null wants no bytes at all.
func (o Object) CheckBytes(key string, got []byte) {
	o.t.Helper()
	raw, ok := o.fields[key]
	if !ok {
		o.t.Fatalf("%s: no field %q", o.where, key)
	}
	o.checkBytes(key, raw, got)
}

// CheckBytesList compares a list of byte strings.
func (o Object) CheckBytesList(key string, got [][]byte) {
	o.t.Helper()
	var list []json.RawMessage
	o.decode(key, &list)
	if len(got) != len(list) {
		o.t.Fatalf("%s: %s: %d entries, want %d", o.where, key, len(got), len(list))
	}
	for i, raw := range list {
		o.checkBytes(key+" "+strconv.Itoa(i), raw, got[i])
	}
}

// largeBytes is how long byte strings are written: as a generator of input, or as length and hash of output.
type largeBytes struct {
	Gen    string
	Seed   string
	Unit   string
	Length int
	SHA256 string
	First  string
}

func (o Object) bytes(key string, raw json.RawMessage) []byte {
	o.t.Helper()
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		if text == nil {
			return nil
		}
		return o.unhex(key, *text)
	}
	var large largeBytes
	if err := json.Unmarshal(raw, &large); err != nil {
		o.t.Fatalf("%s: field %q is no byte string: %v", o.where, key, err)
	}
	return o.generate(key, large)
}

func (o Object) unhex(key, text string) []byte {
	o.t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		o.t.Fatalf("%s: field %q: %v", o.where, key, err)
	}
	return b
}

func (o Object) generate(key string, large largeBytes) []byte {
	o.t.Helper()
	out := make([]byte, 0, large.Length+sha256.Size)
	switch large.Gen {
	case "sha256ctr":
		seed := o.unhex(key, large.Seed)
		for i := uint32(0); len(out) < large.Length; i++ {
			block := sha256.Sum256(binary.BigEndian.AppendUint32(seed[:len(seed):len(seed)], i))
			out = append(out, block[:]...)
		}
	case "repeat":
		unit := o.unhex(key, large.Unit)
		if len(unit) == 0 {
			o.t.Fatalf("%s: field %q repeats nothing", o.where, key)
		}
		for len(out) < large.Length {
			out = append(out, unit...)
		}
	default:
		o.t.Fatalf("%s: field %q: unknown generator %q", o.where, key, large.Gen)
	}
	return out[:large.Length]
}

func (o Object) checkBytes(key string, raw json.RawMessage, got []byte) {
	o.t.Helper()
	var large largeBytes
	if json.Unmarshal(raw, &large) == nil && large.SHA256 != "" {
		sum := sha256.Sum256(got)
		switch {
		case len(got) != large.Length:
			o.t.Fatalf("%s: %s: %d bytes, want %d", o.where, key, len(got), large.Length)
		case !strings.HasPrefix(hex.EncodeToString(got), large.First):
			o.t.Fatalf("%s: %s: starts with %x, want %s", o.where, key, got[:min(len(got), 12)], large.First)
		case hex.EncodeToString(sum[:]) != large.SHA256:
			o.t.Fatalf("%s: %s: SHA-256 is %x, want %s", o.where, key, sum, large.SHA256)
		}
		return
	}
	if want := o.bytes(key, raw); !bytes.Equal(got, want) {
		o.t.Fatalf("%s: %s:\n got %x\nwant %x", o.where, key, got, want)
	}
}
