package filestore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"

	"groupd/rns"
	"groupd/rns/msgpack"
)

// Names of what transport nodes keep (spec 1 §6.23).
const (
	filePaths         = "destination_table"
	fileTunnels       = "tunnels"
	filePacketHashes  = "packet_hashlist.raw"
	folderCache       = "cache"
	folderAnnounces   = "announces"
	folderBlackhole   = "blackhole"
	fileBlackholeOwn  = "local"
	pathFields        = 8
	tunnelFields      = 4
	maxAnnounceFile   = 4 << 10
	maxTableFile      = 256 << 20
	maxBlackholeFile  = 16 << 20
	maxStoredRandoms  = 1024
	packetHashesLimit = 1 << 20
)

// LoadPaths implements [rns.TableStore].
func (s *Store) LoadPaths(ctx context.Context) iter.Seq2[rns.StoredPath, error] {
	return func(yield func(rns.StoredPath, error) bool) {
		data, err := readFile(s.path(filePaths), maxTableFile)
		if err != nil {
			yield(rns.StoredPath{}, err)
			return
		}
		if data != nil {
			decodeTable(ctx, filePaths, data, parsePath, yield)
		}
	}
}

// decodeTable yields the entries of a MessagePack array.
func decodeTable[T any](ctx context.Context, name string, data []byte, parse func(*msgpack.Reader) (T, error), yield func(T, error) bool) {
	var none T
	r := msgpack.NewReader(data)
	n, err := r.Array()
	if err != nil {
		yield(none, fmt.Errorf("%s: %w", name, err))
		return
	}
	for range n {
		err := ctx.Err()
		var raw msgpack.Raw
		if err == nil {
			raw, err = r.Raw()
		}
		if err != nil {
			yield(none, fmt.Errorf("%s: %w", name, err))
			return
		}
		v, err := parse(msgpack.NewReader(raw))
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		if !yield(v, err) {
			return
		}
	}
}

func parsePath(r *msgpack.Reader) (p rns.StoredPath, err error) {
	n, err := r.Array()
	if err != nil {
		return p, err
	}
	if n < pathFields {
		return p, fmt.Errorf("%w: path of %d fields", rns.ErrMalformed, n)
	}
	if err := r.BinInto(p.Destination[:]); err != nil {
		return p, err
	}
	used, err := r.Number()
	if err != nil {
		return p, err
	}
	p.Used = timeOf(used)
	if err := r.BinInto(p.NextHop[:]); err != nil {
		return p, err
	}
	hops, err := r.Int()
	if err != nil {
		return p, err
	}
	if hops < 0 || hops > rns.MaxHops {
		return p, fmt.Errorf("%w: path of %d hops", rns.ErrMalformed, hops)
	}
	p.Hops = int(hops)
	expires, err := r.Number()
	if err != nil {
		return p, err
	}
	p.Expires = timeOf(expires)
	count, err := r.Array()
	if err != nil {
		return p, err
	}
	if count > maxStoredRandoms {
		return p, fmt.Errorf("%w: path with %d random fields", rns.ErrMalformed, count)
	}
	for range count {
		var f rns.RandomField
		if err := r.BinInto(f[:]); err != nil {
			return p, err
		}
		p.Randoms = append(p.Randoms, f)
	}
	if err := r.BinInto(p.Interface[:]); err != nil {
		return p, err
	}
	return p, r.BinInto(p.Announce[:])
}

func appendPath(b []byte, p rns.StoredPath) []byte {
	b = msgpack.AppendArray(b, pathFields)
	b = msgpack.AppendBin(b, p.Destination[:])
	b = msgpack.AppendFloat(b, unixFloat(p.Used))
	b = msgpack.AppendBin(b, p.NextHop[:])
	b = msgpack.AppendInt(b, int64(p.Hops))
	b = msgpack.AppendFloat(b, unixFloat(p.Expires))
	b = msgpack.AppendArray(b, len(p.Randoms))
	for _, f := range p.Randoms {
		b = msgpack.AppendBin(b, f[:])
	}
	b = msgpack.AppendBin(b, p.Interface[:])
	return msgpack.AppendBin(b, p.Announce[:])
}

// SavePaths implements [rns.TableStore].
func (s *Store) SavePaths(ctx context.Context, paths iter.Seq[rns.StoredPath]) error {
	return saveTable(ctx, s.path(filePaths), paths, appendPath)
}

func saveTable[T any](ctx context.Context, path string, all iter.Seq[T], add func([]byte, T) []byte) error {
	var entries []byte
	n := 0
	for v := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		n++
		entries = add(entries, v)
	}
	return writeFile(path, msgpack.AppendArray(nil, n), entries)
}

// LoadTunnels implements [rns.TableStore].
func (s *Store) LoadTunnels(ctx context.Context) iter.Seq2[rns.StoredTunnel, error] {
	return func(yield func(rns.StoredTunnel, error) bool) {
		data, err := readFile(s.path(fileTunnels), maxTableFile)
		if err != nil {
			yield(rns.StoredTunnel{}, err)
			return
		}
		if data != nil {
			decodeTable(ctx, fileTunnels, data, parseTunnel, yield)
		}
	}
}

func parseTunnel(r *msgpack.Reader) (t rns.StoredTunnel, err error) {
	n, err := r.Array()
	if err != nil {
		return t, err
	}
	if n < tunnelFields {
		return t, fmt.Errorf("%w: tunnel of %d fields", rns.ErrMalformed, n)
	}
	if err := r.BinInto(t.ID[:]); err != nil {
		return t, err
	}
	if r.Kind() == msgpack.KindNil {
		err = r.Nil()
	} else {
		err = r.BinInto(t.Interface[:])
	}
	if err != nil {
		return t, err
	}
	count, err := r.Array()
	if err != nil {
		return t, err
	}
	for range count {
		raw, err := r.Raw()
		if err != nil {
			return t, err
		}
		p, err := parsePath(msgpack.NewReader(raw))
		if err != nil {
			return t, err
		}
		t.Paths = append(t.Paths, p)
	}
	expires, err := r.Number()
	t.Expires = timeOf(expires)
	return t, err
}

// SaveTunnels implements [rns.TableStore].
func (s *Store) SaveTunnels(ctx context.Context, tunnels iter.Seq[rns.StoredTunnel]) error {
	return saveTable(ctx, s.path(fileTunnels), tunnels, func(b []byte, t rns.StoredTunnel) []byte {
		b = msgpack.AppendArray(b, tunnelFields)
		b = msgpack.AppendBin(b, t.ID[:])
		if t.Interface == (rns.InterfaceHash{}) {
			b = msgpack.AppendNil(b)
		} else {
			b = msgpack.AppendBin(b, t.Interface[:])
		}
		b = msgpack.AppendArray(b, len(t.Paths))
		for _, p := range t.Paths {
			b = appendPath(b, p)
		}
		return msgpack.AppendFloat(b, unixFloat(t.Expires))
	})
}

// announceFiles lists the cached announces.
func (s *Store) announceFiles() (map[rns.PacketHash]struct{}, error) {
	folder, err := os.Open(s.path(folderCache, folderAnnounces))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	files := make(map[rns.PacketHash]struct{}, len(names))
	for _, name := range names {
		var h rns.PacketHash
		if len(name) == hex.EncodedLen(len(h)) {
			if _, err := hex.Decode(h[:], []byte(name)); err == nil {
				files[h] = struct{}{}
			}
		}
	}
	return files, nil
}

// LoadAnnounces implements [rns.TableStore]. A file that is broken is deleted, so that the announce is written again when it is saved.
func (s *Store) LoadAnnounces(ctx context.Context, wanted map[rns.PacketHash]struct{}) iter.Seq2[rns.StoredAnnounce, error] {
	return func(yield func(rns.StoredAnnounce, error) bool) {
		for h := range wanted {
			if err := ctx.Err(); err != nil {
				yield(rns.StoredAnnounce{}, err)
				return
			}
			a, err := s.loadAnnounce(h)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				err = fmt.Errorf("announce %s: %w", h.Short(), errors.Join(err, os.Remove(s.announcePath(h))))
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// announcePath is where an announce is.
func (s *Store) announcePath(h rns.PacketHash) string {
	return s.path(folderCache, folderAnnounces, hex.EncodeToString(h[:]))
}

func (s *Store) loadAnnounce(h rns.PacketHash) (a rns.StoredAnnounce, err error) {
	data, err := os.ReadFile(s.announcePath(h))
	if err != nil {
		return a, err
	}
	if len(data) > maxAnnounceFile {
		return a, rns.ErrMalformed
	}
	r := msgpack.NewReader(data)
	if n, err := r.Array(); err != nil || n < 2 {
		return a, errors.Join(rns.ErrMalformed, err)
	}
	raw, err := r.Bin()
	if err != nil {
		return a, err
	}
	a.Hash, a.Raw = h, append([]byte(nil), raw...)
	if r.Kind() != msgpack.KindNil {
		a.Interface, err = r.Str()
	}
	return a, err
}

// SaveAnnounces implements [rns.TableStore]. The files are named by the hash of what is in them, so one that a crash left
// half written is noticed when it is read; they are not synced one by one.
func (s *Store) SaveAnnounces(ctx context.Context, announces iter.Seq[rns.StoredAnnounce]) error {
	folder := s.path(folderCache, folderAnnounces)
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return err
	}
	old, err := s.announceFiles()
	if err != nil {
		return err
	}
	var b []byte
	for a := range announces {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, ok := old[a.Hash]; ok {
			delete(old, a.Hash)
			continue
		}
		if a.Raw == nil {
			continue
		}
		b = msgpack.AppendBin(msgpack.AppendArray(b[:0], 2), a.Raw)
		if a.Interface == "" {
			b = msgpack.AppendNil(b)
		} else {
			b = msgpack.AppendStr(b, a.Interface)
		}
		if err := os.WriteFile(s.announcePath(a.Hash), b, fileMode); err != nil {
			return err
		}
	}
	for h := range old {
		if err := os.Remove(s.announcePath(h)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncFolder(folder)
}

// LoadPacketHashes implements [rns.TableStore].
func (s *Store) LoadPacketHashes(ctx context.Context) iter.Seq2[rns.PacketHash, error] {
	return func(yield func(rns.PacketHash, error) bool) {
		data, err := readFile(s.path(filePacketHashes), packetHashesLimit*rns.FullHashLength)
		if err != nil {
			yield(rns.PacketHash{}, err)
			return
		}
		for ; len(data) >= rns.FullHashLength; data = data[rns.FullHashLength:] {
			if !yield(rns.PacketHash(data[:rns.FullHashLength]), nil) {
				return
			}
		}
		if len(data) > 0 {
			yield(rns.PacketHash{}, fmt.Errorf("%s: %w: %d bytes too many", filePacketHashes, rns.ErrMalformed, len(data)))
		}
	}
}

// SavePacketHashes implements [rns.TableStore].
func (s *Store) SavePacketHashes(ctx context.Context, hashes iter.Seq[rns.PacketHash]) error {
	var b []byte
	for h := range hashes {
		b = append(b, h[:]...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return writeFile(s.path(filePacketHashes), b)
}

// LoadBlackholes implements [rns.TableStore].
func (s *Store) LoadBlackholes(ctx context.Context, source rns.IdentityHash) ([]rns.Blackhole, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := readFile(s.blackholePath(source), maxBlackholeFile)
	if err != nil || data == nil {
		return nil, err
	}
	entries, ok := msgpack.Raw(data).Map()
	if !ok {
		return nil, fmt.Errorf("blackhole list: %w", rns.ErrMalformed)
	}
	var list []rns.Blackhole
	var failed error
	for _, e := range entries {
		id, ok := e.Key.Bin()
		if !ok || len(id) != rns.TruncatedHashLength {
			failed = fmt.Errorf("blackhole list: %w: no identity hash", rns.ErrMalformed)
			continue
		}
		b, err := rns.ParseBlackhole(rns.IdentityHash(id), e.Value)
		if err != nil {
			failed = fmt.Errorf("blackhole list: %w", err)
			continue
		}
		list = append(list, b)
	}
	return list, failed
}

// SaveBlackholes implements [rns.TableStore].
func (s *Store) SaveBlackholes(ctx context.Context, source rns.IdentityHash, list []rns.Blackhole) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.path(folderBlackhole), folderMode); err != nil {
		return err
	}
	b := msgpack.AppendMap(nil, len(list))
	for _, e := range list {
		b = rns.AppendBlackhole(msgpack.AppendBin(b, e.Identity[:]), e)
	}
	return writeFile(s.blackholePath(source), b)
}

// blackholePath is where the list of a source is.
func (s *Store) blackholePath(source rns.IdentityHash) string {
	if source.IsZero() {
		return s.path(folderBlackhole, fileBlackholeOwn)
	}
	return s.path(folderBlackhole, source.String())
}
