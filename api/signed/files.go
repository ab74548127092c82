package signed

import (
	"io"

	"groupd/group"
	"groupd/lxmf"
)

// customMode is the number of a codec that is none of LXMF's.
const customMode = 0xff

// attachments are the files, the image and the sound of a message. They are read from the message, wherever it is.
func attachments(m *lxmf.Message) (out []group.AttachmentInput) {
	for _, f := range m.Files() {
		a := group.Attachment{Kind: group.AttachFile, Name: f.Name, Size: f.Size, Hash: f.Hash, At: f.Offset}
		switch f.Field {
		case lxmf.FieldImage:
			a.Kind = group.AttachImage
		case lxmf.FieldAudio:
			if a.Kind, a.Mode = group.AttachAudio, customMode; f.Mode >= 0 && f.Mode < customMode {
				a.Mode = uint8(f.Mode)
			}
		}
		out = append(out, group.AttachmentInput{Attachment: a, Open: func() (io.ReadCloser, error) { return io.NopCloser(f.Open()), nil }})
	}
	return out
}
