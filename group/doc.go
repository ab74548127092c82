// Package group is the domain: groups, members, entries, and the Hub, whose methods every face of the server calls.
//
// It knows no radio, no SQL and no HTTP. It asks a Store to keep rows in transactions, and moderation for verdicts.
//
// # Who decides where
//
// Every change is one Store.Update. Facts are read, the verdict is asked for and the rows are written inside that one
// closure, so a decision never acts on facts that have changed meanwhile. A method that changes something returns after
// the commit and its fsync: what it reported is durable.
//
// # Numbers
//
//   - Seq counts a group's entries, 1, 2, 3 … without gaps.
//   - Rev counts every change that clients must learn; each row carries the Rev of its last change, and no two rows of a
//     group carry the same Rev. "All that changed after Rev r" is the whole synchronisation (see Hub.Messages).
//   - Generation is the random number of this database's life; it changes when a backup is restored.
//
// # What a face does with an answer
//
// A method returns its result, or an *Error. KindNotDurable alone means that nothing is decided: no delivery proof, the
// sender tries again. Every other Kind is a decision which would be the same tomorrow: proved at once, stored nowhere.
package group
