// Package dbtest is the one suite that every engine behind group.Store must pass. An engine's own test calls Run.
package dbtest

import (
	"testing"

	"groupd/group"
)

// Open makes an empty store for one test. Reopen closes it and opens what is on disk again, as after a restart; the
// in-memory twin returns the store itself. Both end with the test by t.Cleanup.
type Open func(t testing.TB) (s group.Store, reopen func() group.Store)

// Run runs every test of the suite as a subtest.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		f    func(*testing.T, Open)
	}{
		{"every row comes back as it was written, and after a restart", testRows},
		{"zero values come back as zero values", testZeroRows},
		{"what is not there is ErrNoRow or an empty list", testMissing},
		{"rows that were read belong to the reader", testOwnership},
		{"writing again replaces", testReplace},
		{"a group must exist before its rows", testUnknownGroup},
		{"groups do not see each other's rows", testGroupsApart},
		{"an error undoes the closure's writes and nothing else", testErrorUndoes},
		{"a failing closure among many concurrent ones", testErrorAmongMany},
		{"a closure does not start after its context ended", testCancelled},
		{"updates are seen by later views and never in part", testSnapshots},
		{"seq has no gaps under concurrency", testGapless},
		{"everything committed survives a restart", testDurable},
		{"a tombstone erases content, original and message id", testTombstone},
		{"touching a member changes no rev", testTouch},
		{"members are found by either hash, prefix and skeleton", testFindMembers},
		{"of those who left the one gone longest is dropped first", testDeparted},
		{"bans match what was typed in either form", testBans},
		{"seen ids and outcomes are kept, counted and pruned", testOutcomes},
		{"who waits longest is listed first", testRequests},
		{"members who were silent for long are found", testSilent},
		{"policy, mute, lockdown and history hold after a restart", testPolicy},
		{"the audit log keeps the newest lines", testAudit},
		{"edits and pins are marks of entries that keep their rev or get a new one", testMarks},
		{"reactions are counted by kind, and go with their entry", testReactions},
		{"reports wait in their order, one for each member and entry", testReports},
		{"entries are found by words, author and time", testSearch},
		{"attachments are counted by content, member and group, and go with their entry unless it is put aside", testAttachments},
		{"the oldest entries are dropped with all that belongs to them", testDropEntries},
		{"what is no longer kept goes while others write", testRetention},
		{"sync queries on random histories agree with a naive model", testRandomHistories},
		{"invites are found by code, person and inviter", testInvites},
		{"invites that were sent, and who wants none, are found by either hash", testDirectInvites},
		{"who is invited to a group that is formed, and what he answered", testCircles},
		{"keys of epochs are listed newest first, and found when the next one is due", testEpochs},
		{"what is being erased is listed by author", testErasures},
		{"what is put aside is deleted for everybody, and comes back as it was", testHidden},
		{"what belongs to one person is found", testPersonal},
		{"groups heard on the network are listed in the order they came", testListed},
		{"how members are told what is new", testDeliveries},
		{"what somebody has in all groups is found", testEverywhere},
		{"a group that was removed is erased bit by bit, and takes nothing of others along", testRemovedGroup},
		{"what was done with whole groups is logged", testServerLog},
		{"what only an export needs is read page by page", testTransferReads},
		{"an imported log keeps its order", testImportedOrder},
		{"nobody sees a group that is being imported before it is whole", testImportedGroup},
		{"an import that is given up is erased", testAbandonedImport},
		{"who is expected is found by what names him", testExpected},
		{"many members at once through the hub, and after a restart", testHub},
	} {
		t.Run(test.name, func(t *testing.T) { test.f(t, open) })
	}
}
