package tcp

import "groupd/rns/interfaces/carrier"

// Names for the outside tests.
var (
	ChooseAddress = chooseAddress
	BindNetwork   = bindNetwork
)

func KISSFraming() carrier.Framing { return kissFraming{} }
