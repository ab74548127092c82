package filestore

import (
	"context"

	"groupd/rns"
)

// Names of files in the folder.
const (
	FileKnown         = fileKnown
	FolderRatchets    = folderRatchets
	FolderOwnRatchets = folderOwnRatchets
)

// DecodeFiles reads data as each of the files there are.
func DecodeFiles(data []byte) (known int) {
	decodeKnown(context.Background(), data, decodeEmitted(data), func(_ rns.KnownDestination, err error) bool {
		if err == nil {
			known++
		}
		return true
	})
	_, _ = parseRatchet(data)
	return known
}
