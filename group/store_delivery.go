package group

// DeliveryReadTx reads how members are told what is new.
type DeliveryReadTx interface {
	// Delivery finds one row; ErrNoRow for who has the default preferences.
	Delivery(g GroupID, id IdentityHash) (Delivery, error)
	// Deliveries lists rows with Identity > after, by identity.
	Deliveries(g GroupID, after IdentityHash, limit int) ([]Delivery, error)
}

// DeliveryTx writes it. None of this raises a rev.
type DeliveryTx interface {
	// PutDelivery inserts or replaces a whole row.
	PutDelivery(Delivery) error
	// PutProgress replaces the progress of a row, and does nothing when there is no such row any more.
	PutProgress(g GroupID, id IdentityHash, p Progress) error
	DeleteDelivery(g GroupID, id IdentityHash) error
}
