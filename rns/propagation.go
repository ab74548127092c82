package rns

import "groupd/rns/interfaces"

// propagates decides whether an announce goes out on an interface (spec 1 §6.13). from is the interface that the path of
// the announced destination leads over; nil means that it is a destination of this very process.
func propagates(from, to *attached) bool {
	if to.mode == interfaces.ModeAccessPoint {
		return false
	}
	if from == nil {
		return true
	}
	if to.options.BlockFromInternal && from.mode == interfaces.ModeInternal {
		return false
	}
	switch to.mode {
	case interfaces.ModeInternal:
		return from.options.AnnouncesToInternal || from.mode != interfaces.ModeBoundary
	case interfaces.ModeRoaming:
		return from.mode != interfaces.ModeRoaming && from.mode != interfaces.ModeBoundary
	case interfaces.ModeBoundary:
		return from.mode != interfaces.ModeRoaming
	}
	return true
}

// discovers reports whether we look for unknown destinations that are asked for on an interface (spec 1 §6.14).
func discovers(a *attached) bool {
	if a.options.RecursivePathRequests {
		return true
	}
	switch a.mode {
	case interfaces.ModeAccessPoint, interfaces.ModeGateway, interfaces.ModeRoaming, interfaces.ModeInternal,
		interfaces.ModeBoundary:
		return true
	}
	return false
}

// searches reports whether a search for a destination asked for on from goes out on to.
func searches(from, to *attached) bool {
	if from == to {
		return false
	}
	if from.mode == interfaces.ModeBoundary && !from.options.RecursivePathRequests {
		return to.mode == interfaces.ModeBoundary || to.mode == interfaces.ModeGateway
	}
	return true
}
