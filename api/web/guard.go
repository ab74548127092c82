package web

import (
	"context"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"

	"groupd/api/faults"
)

// localKey marks requests that came by the Unix socket.
type localKey struct{}

// markLocal tells the handlers that a request came by the Unix socket.
func markLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), localKey{}, true)))
	})
}

// isLocal reports whether it did.
func isLocal(r *http.Request) bool { return r.Context().Value(localKey{}) != nil }

// headers keep browsers from doing anything with an answer but read it.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// bound limits how much a request may send, and how long it may take. A backup, an export and an import take what they take.
func bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		above, what := path.Split(r.URL.Path)
		if strings.HasSuffix(above, "/groups/") { // a group, whatever its id
			what = ""
		}
		if what != "import" { // these look after themselves
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		if what != "backup" && what != "export" && what != "import" {
			ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// recoverPanics turns a panic in a handler into an answer and a line in the log; the process goes on.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.fail(w, r, faults.Panicked(p))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// checkHost refuses requests under a foreign name: a page that makes its own name point to this machine (DNS rebinding) gets nothing.
func (s *Server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		ip := net.ParseIP(host)
		if host != "localhost" && !(ip != nil && ip.IsLoopback()) && !slices.Contains(s.hosts, host) {
			writeJSON(w, http.StatusMisdirectedRequest, Problem{Error: "this server is not called that", Field: "host", Hint: "add the name to hosts in [server] of groupd.toml"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkToken lets through who sends "Authorization: Bearer TOKEN".
func (s *Server) checkToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !s.node.CheckToken(token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeJSON(w, http.StatusUnauthorized, Problem{Error: "a token is needed", Hint: "make one with: groupd token"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
