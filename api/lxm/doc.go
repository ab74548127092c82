// Package lxm is the LXMF face of a group: posts in, slash commands in, answers out, for people who have nothing but a
// stock LXMF client.
//
// # What becomes of a message
//
//	carries a relay's marker      proved, nothing else (no automatic answer to an automatic answer)
//	from somebody banned          proved, nothing else
//	begins with "/"               a command; "//x" posts "/x", "/me waves" posts an action
//	from a member                 a post
//	from anybody else             one hint a day
//
// Strangers' /join, /help, /info, /claim and /leave are answered so often a day (group.Hub.StrangerAnswer). What the
// commands do is in docs/commands.md, which a test holds against the table in commands.go.
//
// # When a delivery is proved
//
// A delivery proof means that our decision is durable. What was accepted is proved after its commit and fsync, what was
// refused at once; what could not be committed is dropped without a proof, so that its sender tries again. Answers are
// sent after the proof.
//
// # Who runs what
//
// [Server.Handle] only queues. Workers, started as they are needed, take the authors in turn: messages of one author are
// handled in their order, those of different authors at the same time, so that they share commits. [Server.Run] also
// tells people what was decided about them.
package lxm
