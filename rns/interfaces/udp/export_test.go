package udp

// Names for the outside tests.
var ChooseBroadcast = chooseBroadcast
