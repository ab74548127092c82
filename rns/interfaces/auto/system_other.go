//go:build !linux

package auto

import (
	"errors"
	"net/netip"
)

var errLinuxOnly = errors.New("AutoInterface works on Linux only")

// System has no links here: only that of Linux is known.
func System() Network { return system{} }

type system struct{}

func (system) Links() ([]Link, error) { return nil, errLinuxOnly }

func (system) ListenGroup(Link, netip.Addr, int) (Socket, error) { return nil, errLinuxOnly }

func (system) Listen(Link, int, bool) (Socket, error) { return nil, errLinuxOnly }
