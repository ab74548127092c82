package rns

// SignedData returns what the signature of the announce runs over.
func (a *Announce) SignedData() []byte { return a.appendSigned(nil) }
