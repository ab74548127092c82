package filestore

import (
	"context"
	"fmt"
	"iter"

	"groupd/rns"
	"groupd/rns/msgpack"
)

// Number of fields of an entry of known_destinations: time, packet hash, public key, app data and use mark. Files of
// old versions lack the last one.
const (
	knownFields    = 5
	knownFieldsOld = 4
)

// LoadKnown implements [rns.Store].
func (s *Store) LoadKnown(ctx context.Context) iter.Seq2[rns.KnownDestination, error] {
	return func(yield func(rns.KnownDestination, error) bool) {
		data, err := readFile(s.path(fileKnown), maxKnownFile)
		if err != nil {
			yield(rns.KnownDestination{}, err)
			return
		}
		if data == nil {
			return
		}
		decodeKnown(ctx, data, s.loadEmitted(), yield)
	}
}

// decodeKnown yields the entries of known_destinations.
func decodeKnown(ctx context.Context, data []byte, emitted map[rns.DestinationHash]int64, yield func(rns.KnownDestination, error) bool) {
	r := msgpack.NewReader(data)
	n, err := r.Map()
	if err != nil {
		yield(rns.KnownDestination{}, fmt.Errorf("%s: %w", fileKnown, err))
		return
	}
	for range n {
		err := ctx.Err()
		var name, entry msgpack.Raw
		if err == nil {
			name, err = r.Raw()
		}
		if err == nil {
			entry, err = r.Raw()
		}
		if err != nil {
			yield(rns.KnownDestination{}, fmt.Errorf("%s: %w", fileKnown, err))
			return
		}
		k, err := parseKnown(name, entry)
		if err != nil {
			err = fmt.Errorf("%s: %w", fileKnown, err)
		} else {
			k.Emitted = emitted[k.Destination]
		}
		if !yield(k, err) {
			return
		}
	}
}

func parseKnown(name, entry msgpack.Raw) (k rns.KnownDestination, err error) {
	if err := msgpack.NewReader(name).BinInto(k.Destination[:]); err != nil {
		return k, err
	}
	r := msgpack.NewReader(entry)
	n, err := r.Array()
	if err != nil {
		return k, err
	}
	if n < knownFieldsOld {
		return k, fmt.Errorf("%w: entry of %d fields", rns.ErrMalformed, n)
	}
	heard, err := r.Number()
	if err != nil {
		return k, err
	}
	k.Heard = timeOf(heard)
	if r.Kind() == msgpack.KindNil {
		err = r.Nil()
	} else {
		err = r.BinInto(k.Packet[:])
	}
	if err != nil {
		return k, err
	}
	if err := r.BinInto(k.PublicKey[:]); err != nil {
		return k, err
	}
	if r.Kind() == msgpack.KindNil {
		err = r.Nil()
	} else if k.AppData, err = r.Bin(); err == nil {
		k.AppData = append([]byte{}, k.AppData...) // not a span, which would hold the whole file
	}
	if err != nil || n < knownFields {
		return k, err
	}
	used, err := r.Number()
	switch {
	case err != nil:
		return k, err
	case used < 0:
		k.Used = rns.UsedRetained
	case !timeOf(used).IsZero():
		k.Used = timeOf(used).Unix()
	}
	return k, nil
}

// loadEmitted reads the emission times. They are a help against replayed announces, so that a file that is missing or
// broken gives none.
func (s *Store) loadEmitted() map[rns.DestinationHash]int64 {
	data, err := readFile(s.path(fileEmitted), maxKnownFile)
	if err != nil {
		return nil
	}
	return decodeEmitted(data)
}

func decodeEmitted(data []byte) map[rns.DestinationHash]int64 {
	r := msgpack.NewReader(data)
	n, err := r.Map()
	if err != nil {
		return nil
	}
	emitted := make(map[rns.DestinationHash]int64)
	for range n {
		var d rns.DestinationHash
		if r.BinInto(d[:]) != nil {
			break
		}
		seconds, err := r.Int()
		if err != nil {
			break
		}
		emitted[d] = seconds
	}
	return emitted
}

// SaveKnown implements [rns.Store].
func (s *Store) SaveKnown(ctx context.Context, known iter.Seq[rns.KnownDestination]) error {
	var entries, emitted []byte
	n, nEmitted := 0, 0
	for k := range known {
		if err := ctx.Err(); err != nil {
			return err
		}
		n++
		entries = appendKnown(entries, k)
		if k.Emitted > 0 {
			nEmitted++
			emitted = msgpack.AppendInt(msgpack.AppendBin(emitted, k.Destination[:]), k.Emitted)
		}
	}
	if err := writeFile(s.path(fileEmitted), msgpack.AppendMap(nil, nEmitted), emitted); err != nil {
		return err
	}
	return writeFile(s.path(fileKnown), msgpack.AppendMap(nil, n), entries)
}

func appendKnown(b []byte, k rns.KnownDestination) []byte {
	b = msgpack.AppendBin(b, k.Destination[:])
	b = msgpack.AppendArray(b, knownFields)
	b = msgpack.AppendFloat(b, unixFloat(k.Heard))
	b = msgpack.AppendBin(b, k.Packet[:])
	b = msgpack.AppendBin(b, k.PublicKey[:])
	if k.AppData == nil {
		b = msgpack.AppendNil(b)
	} else {
		b = msgpack.AppendBin(b, k.AppData)
	}
	if k.Used > 0 {
		return msgpack.AppendFloat(b, float64(k.Used))
	}
	return msgpack.AppendInt(b, k.Used)
}
