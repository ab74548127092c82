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

// DecodeTables reads data as each of the tables of a transport node, and returns how many entries there were.
func DecodeTables(data []byte) (n int) {
	decodeTable(context.Background(), filePaths, data, parsePath, func(rns.StoredPath, error) bool { n++; return true })
	decodeTable(context.Background(), fileTunnels, data, parseTunnel, func(t rns.StoredTunnel, _ error) bool {
		n += 1 + len(t.Paths)
		return true
	})
	return n
}
