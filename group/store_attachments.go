package group

// AttachmentsReadTx reads what came with entries.
type AttachmentsReadTx interface {
	// Attachments lists those of an entry in their order; none of one that is put aside.
	Attachments(g GroupID, seq Seq) ([]Attachment, error)
	// AttachedBytes is what there is now, those put aside included, those that are lost not: of one author in a group, of the group, and of all contents, each counted once.
	AttachedBytes(g GroupID, author IdentityHash) (AttachedBytes, error)
	// Blob finds a content that is, or was, referred to by an attachment that is not lost; Blobs lists those above a hash, by hash, unused: only those that nothing refers to.
	Blob(h Hash) (Blob, error)
	Blobs(after Hash, unused bool, limit int) ([]Blob, error)
}

// AttachmentsTx writes what came with entries. Entries that are dropped or become tombstones take theirs along; what HideEntry
// puts aside is held until it is restored or erased.
type AttachmentsTx interface {
	// AddAttachments stores those of an entry that exists and has none.
	AddAttachments(e Entry, list []Attachment) error
	// DropBlob forgets a content that nothing refers to; another it leaves.
	DropBlob(h Hash) error
}

// AttachedBytes says how many bytes attachments have.
type AttachedBytes struct{ Member, Group, Server int64 }

// Blob is one content, in however many posts.
type Blob struct {
	Hash Hash
	Size int64
	Refs int  // attachments that refer to it
	Lost bool // only in AttachedBlobs: all attachments there that name it are lost
}
