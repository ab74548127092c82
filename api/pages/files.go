package pages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"groupd/group"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// Bounds of files.
const (
	maxFileLinks = 4096 // that are remembered; for one more the oldest is forgotten
	filesAgain   = 200  // entries in which a file is looked for whose link was forgotten
)

// file is one attachment of an entry.
type file struct {
	seq   group.Seq
	index int
}

// files knows which file is meant by a request: all that comes with it is the hash of a path. The zero value is ready to use.
type files struct {
	mu    sync.Mutex // leaf
	links map[rns.TruncatedHash]file
	order []rns.TruncatedHash // of links, the oldest first
}

// note remembers the path of a file.
func (f *files) note(path string, what file) {
	h := rns.PathHash(path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.links[h]; known {
		return
	}
	if f.links == nil {
		f.links = make(map[rns.TruncatedHash]file)
	}
	if len(f.order) >= maxFileLinks {
		delete(f.links, f.order[0])
		f.order = f.order[1:]
	}
	f.links[h], f.order = what, append(f.order, h)
}

func (f *files) find(h rns.TruncatedHash) (file, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what, ok := f.links[h]
	return what, ok
}

// filePath is where an attachment can be fetched: /file/<seq>/<index>/<name>, with what is left of its name in plain letters.
func filePath(what file, a group.Attachment) string {
	const most = 40
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, savedName(what.seq, a))
	if len(name) > most {
		name = name[len(name)-most:]
	}
	return fmt.Sprintf("/file/%d/%d/%s", what.seq, what.index, name)
}

// savedName is what a file is called when it is saved.
func savedName(seq group.Seq, a group.Attachment) string {
	const firstOpus = 16 // LXMF's audio modes below are Codec2 (spec 4 §1.9)
	switch {
	case a.Kind == group.AttachImage && a.Name != "":
		return fmt.Sprintf("image-%d.%s", seq, a.Name)
	case a.Kind == group.AttachImage:
		return fmt.Sprintf("image-%d", seq)
	case a.Kind == group.AttachAudio && a.Mode < firstOpus:
		return fmt.Sprintf("voice-%d.c2", seq)
	case a.Kind == group.AttachAudio:
		return fmt.Sprintf("voice-%d.ogg", seq)
	}
	return group.CleanFileName(a.Name)
}

// fileLink leads to an attachment.
func (s *Server) fileLink(p *page, seq group.Seq, index int, a group.Attachment) {
	what := file{seq, index}
	path := filePath(what, a)
	s.files.note(path, what)
	p.link(cut(fileTitle(a), Columns-10), path)
}

// fileOf finds the file that a path's hash means. Which links there were is forgotten with a restart; then the newest entries that the caller
// sees are looked through. Who sees none is told so, whether there is such a file or not.
func (s *Server) fileOf(ctx context.Context, c group.Caller, h rns.TruncatedHash) (what file, ok bool, err error) {
	if what, ok := s.files.find(h); ok {
		return what, true, nil
	}
	list, err := s.hub.Messages(ctx, c, s.group, group.Query{Newest: true, NoEvents: true, Current: true, Limit: filesAgain})
	if err != nil {
		return file{}, false, err
	}
	for _, e := range list.Entries {
		for i, a := range e.Files {
			if what := (file{e.Seq, i}); rns.PathHash(filePath(what, a)) == h {
				return what, true, nil
			}
		}
	}
	return file{}, false, nil
}

// sendFile answers a request with a file, if it is for one that the caller may see; else it reports false, or the error that says why not.
// It returns at once; the transfer ends with the link.
func (s *Server) sendFile(ctx context.Context, c group.Caller, r *rns.Request) (bool, error) {
	what, ok, err := s.fileOf(ctx, c, r.PathHash)
	if !ok {
		return false, err
	}
	a, err := s.hub.Attachment(ctx, c, s.group, group.AttachmentQuery{Seq: what.seq, Index: what.index})
	var e *group.Error
	if errors.As(err, &e) && e.Kind == group.KindNotFound && e.Field != "" { // of what he does not see nobody learns that it is there
		return false, nil
	} else if err != nil {
		return false, err
	}
	link := r.Link.ID()
	if !s.sending.Begin(link) {
		return false, errors.Join(a.Content.Close(), &group.Error{Kind: group.KindRateLimited, Op: "file", Msg: "too many files are being sent just now"})
	}
	s.told(r.Link.InterfaceName(), c.Identity, int(a.Content.Size()))
	go func() {
		defer s.sending.End(link)
		defer a.Content.Close()
		size := a.Content.Size()
		err := r.SendFile(ctx, rns.ResourceReader(io.NewSectionReader(a.Content, 0, size), size), rns.ResourceOptions{
			Metadata:   msgpack.Map(msgpack.Entry{Key: msgpack.Str("name"), Value: msgpack.Bin([]byte(savedName(what.seq, a.Attachment)))}),
			NoCompress: a.Kind != group.AttachFile,
		})
		if err != nil {
			s.log.Debug("file not sent", "group", string(s.group), "link", link, "bytes", size, "err", err)
		}
	}()
	return true, nil
}
