// Package requests answers the protobuf requests that clients send over a link to a group's meshchat.group destination.
//
// docs/requests.md describes them for those who write clients; the messages are defined in proto/groupd/v1. This package takes
// requests apart, asks one method of the domain and puts the answer together. It holds no rule of chat. Whatever comes in, an answer
// goes out: one with a status, if nothing else.
//
// [Server.Handle] is all of it without a network. [Server.Register] puts it on a destination.
package requests
