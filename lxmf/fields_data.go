package lxmf

import (
	"groupd/rns/msgpack"
)

// FieldExtension is not allocated by the protocol: Columba and MeshChatX keep a map with text keys there, reactions
// among them (spec 4 §7.4).
const FieldExtension = 0x10

// EmbeddedMessages returns the packed messages within the message. What is no bytes is left out.
func (f *Fields) EmbeddedMessages() [][]byte {
	list, _ := f.array(FieldEmbeddedMessages, 0)
	var out [][]byte
	for _, raw := range list {
		if b, ok := raw.Bin(); ok {
			out = append(out, b)
		}
	}
	return out
}

// SetEmbeddedMessages puts packed messages within the message.
func (f *Fields) SetEmbeddedMessages(packed ...[]byte) {
	list := make([]msgpack.Raw, len(packed))
	for i, b := range packed {
		list[i] = msgpack.Bin(b)
	}
	f.Set(FieldEmbeddedMessages, msgpack.Array(list...))
}

// Telemetry returns the packed map of the sender's sensor readings (spec 4 §7.6).
func (f *Fields) Telemetry() ([]byte, bool) { return f.bin(FieldTelemetry) }

// SetTelemetry sets the packed map of sensor readings.
func (f *Fields) SetTelemetry(packed []byte) { f.Set(FieldTelemetry, msgpack.Bin(packed)) }

// TelemetryEntry is one node's telemetry as a collector passes it on.
type TelemetryEntry struct {
	Source    []byte // the node's address, of whatever length
	Timestamp int64  // seconds since the Unix epoch
	Packed    []byte // its sensor readings
	Icon      msgpack.Raw
}

// TelemetryStream returns other nodes' telemetry. Elements of another form are left out.
func (f *Fields) TelemetryStream() []TelemetryEntry {
	list, _ := f.array(FieldTelemetryStream, 0)
	var out []TelemetryEntry
	for _, raw := range list {
		v, ok := raw.Array()
		if !ok || len(v) < 3 {
			continue
		}
		source, okSource := v[0].Bin()
		at, okTime := v[1].Int()
		packed, okPacked := v[2].Bin()
		if !okSource || !okTime || !okPacked {
			continue
		}
		e := TelemetryEntry{Source: source, Timestamp: at, Packed: packed}
		if len(v) > 3 && !v[3].IsNil() {
			e.Icon = v[3]
		}
		out = append(out, e)
	}
	return out
}

// SetTelemetryStream sets other nodes' telemetry; an Icon that is nil is written as nil.
func (f *Fields) SetTelemetryStream(entries ...TelemetryEntry) {
	list := make([]msgpack.Raw, len(entries))
	for i, e := range entries {
		icon := e.Icon
		if icon == nil {
			icon = msgpack.Nil()
		}
		list[i] = msgpack.Array(msgpack.Bin(e.Source), msgpack.Int(e.Timestamp), msgpack.Bin(e.Packed), icon)
	}
	f.Set(FieldTelemetryStream, msgpack.Array(list...))
}

// Commands returns the commands of the message: a map each, of a command's number to its arguments (spec 4 §7.5). Elements that
// are no map are left out.
func (f *Fields) Commands() []Fields {
	list, _ := f.array(FieldCommands, 0)
	var out []Fields
	for _, raw := range list {
		if c, err := ParseFields(raw); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// SetCommands sets the commands.
func (f *Fields) SetCommands(commands ...Fields) {
	list := make([]msgpack.Raw, len(commands))
	for i := range commands {
		list[i] = commands[i].Raw()
	}
	f.Set(FieldCommands, msgpack.Array(list...))
}

// CustomType returns what says how the custom data is to be read, whether it is text or bytes.
func (f *Fields) CustomType() (string, bool) {
	raw, ok := f.Get(FieldCustomType)
	if !ok {
		return "", false
	}
	return textOf(raw)
}

// SetCustomType sets it, as text.
func (f *Fields) SetCustomType(name string) { f.Set(FieldCustomType, msgpack.Str(name)) }
