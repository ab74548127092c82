package tcp

// Names for the outside tests.
var (
	ChooseAddress = chooseAddress
	BindNetwork   = bindNetwork
)
