package web

import (
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
)

// PrivateIdentity is a group's key: who has it is the group.
type PrivateIdentity struct {
	Group      string `json:"group"`
	Identity   string `json:"identity"`
	Address    string `json:"address"`
	PrivateKey string `json:"private_key"` // 64 bytes in hex
}

// Token is a fresh token for the API on TCP.
type Token struct {
	Token string `json:"token"`
}

func (s *Server) privateIdentity(r *http.Request) (any, error) {
	id := groupID(r)
	info, err := s.hub.Info(r.Context(), operator(), id)
	if err != nil {
		return nil, err
	}
	key, err := s.hub.PrivateKey(r.Context(), operator(), id)
	return PrivateIdentity{
		Group: string(id), Identity: info.Identity.String(), Address: info.Address.String(), PrivateKey: hex.EncodeToString(key),
	}, err
}

// backup sends a consistent copy of the database.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	content, size, err := s.node.Backup(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/vnd.sqlite3")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, err = io.Copy(w, content)
	if err == nil {
		err = http.NewResponseController(w).Flush()
	}
	if err != nil {
		s.log.Warn("backup was not sent whole", "err", err)
		return
	}
	s.node.BackedUp()
}

func (s *Server) newToken(r *http.Request) (any, error) {
	t, err := s.node.NewToken(r.Context())
	return Token{Token: t}, err
}
