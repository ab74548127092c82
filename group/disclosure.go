package group

// disclosureVersion rises when the texts change their meaning.
const disclosureVersion = 1

// Disclosure is what everybody is told before and when joining; for anyone.
func (h *Hub) Disclosure() Disclosure {
	return Disclosure{
		Version: disclosureVersion,
		Texts: []string{
			"Any member can see, keep and share what you send here.",
			"Messages are encrypted to the group server, which can read them and hands them to the members.",
			"Whoever holds the group's keys stores and controls everything here and can remove messages or members.",
		},
	}
}
