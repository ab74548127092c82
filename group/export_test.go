package group

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
