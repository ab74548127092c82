package group

// TransferReadTx reads what only an export needs, page by page.
type TransferReadTx interface {
	// ReactionRows lists reactions by seq, then member, then text: those after one by these three.
	ReactionRows(g GroupID, after Reaction, limit int) ([]Reaction, error)
	// AuditAfter lists lines with ID > after, by ID.
	AuditAfter(g GroupID, after int64, limit int) ([]Audit, error)
	// SeenIDs lists ids above one, by id.
	SeenIDs(g GroupID, after SeenID, limit int) ([]SeenID, error)
	// AttachedBlobs lists the contents above a hash, by hash, of attachments in a group that are not put aside, each hash once; Refs is not set. The
	// size is that of an attachment that is not lost, if there is one.
	AttachedBlobs(g GroupID, after Hash, limit int) ([]Blob, error)
	// Leaving reports whether a group of this identity was removed, and is not erased yet: until then there can be no other.
	Leaving(id IdentityHash) (bool, error)
}

// TransferTx fills a group that nobody sees before it is whole.
type TransferTx interface {
	// BeginImport adds a group that Group and Groups do not find. Rows are put into it under its ID. Both its ID and its identity are none
	// that a group has.
	BeginImport(Group) error
	// KeepInvite, KeepReport and KeepAudit add a row under its ID, unless any group has one of that ID, or the group a
	// higher one (of invites it need not look): then under one of the store's own.
	KeepInvite(Invite) error
	KeepReport(Report) error
	KeepAudit(Audit) error
	// FinishImport makes what was filled under an ID this group: from then on it is found.
	FinishImport(filled GroupID, g Group) error
	// AbandonImports gives up all that are not finished: what is there of them is to be erased, see GroupsToErase.
	AbandonImports() error
}
