package group

import "time"

// Inner names that the package's outside tests need.
const (
	ClaimGuesses   = claimGuesses
	ClaimPerHour   = claimPerHour
	ClaimGuessers  = claimGuessers
	MaxStrangers   = maxStrangers
	MaxCarriers    = maxCarriers
	MaxSubscribers = maxSubscribers
	CountOutcomes  = countOutcomes
	MaxEdits       = maxEdits
	MaxCodesInText = maxCodesInText
	MaxBranch      = maxBranch
	MaxInvitees    = maxInvitees
	MaxEpochs      = maxEpochs
	FewEpochs      = fewEpochs
	ErasePause     = erasePause
)

// Buckets is how many rate buckets are kept.
func (h *Hub) Buckets() int {
	n, _ := h.buckets.Size()
	return n
}

// Words and Confusables are the embedded lists.
func Words() string       { return words }
func Confusables() string { return confusables }

// NewCode is newCode.
func NewCode(random [16]byte) string { return newCode(random) }

// ForgetOnceSince has groups that were heard once be heard longer ago.
func (h *Hub) ForgetOnceSince(ago time.Duration) {
	h.directory.mu.Lock()
	defer h.directory.mu.Unlock()
	for _, o := range h.directory.table.once {
		o.first = o.first.Add(-ago)
	}
}
