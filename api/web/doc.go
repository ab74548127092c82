// Package web is the face for the operator at the machine: the admin API in JSON over HTTP.
//
// All paths stand under [Prefix], but for /healthz. The API is served on a Unix socket, where who may open the socket is the operator,
// and, if the operator wants it, on TCP with a token. What hands out private keys (a backup, an identity) is served on the socket only.
//
// Each handler takes a request apart, asks one method of the domain and puts the answer together. The words and rules are those of the
// other faces. The JSON shapes are types of this package, so that the commands print what they got; fields are only ever added.
package web
