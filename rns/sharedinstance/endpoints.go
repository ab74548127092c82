package sharedinstance

import (
	"crypto/sha256"
	"fmt"
	"runtime"

	"groupd/rns/config"
	"groupd/rns/interfaces/local"
)

// endpoints are where the instance of a configuration is found: packets, and calls (spec 3 §4.1).
func endpoints(c config.Reticulum) (data, rpc local.Endpoint, err error) {
	if c.SharedInstanceType == "tcp" || c.SharedInstanceType == "" && runtime.GOOS != "linux" {
		if data, err = local.TCP(c.SharedInstancePort); err == nil {
			port := c.InstanceControlPort
			if port == 0 {
				port = DefaultControlPort
			}
			rpc, err = local.TCP(port)
		}
		return data, rpc, err
	}
	name := c.InstanceName
	if name == "" {
		name = local.DefaultInstance
	}
	if data, err = local.Unix(name); err == nil {
		rpc, err = local.Unix(name + "/rpc")
	}
	return data, rpc, err
}

// DefaultControlPort is where calls are taken on TCP (option "instance_control_port").
const DefaultControlPort = 37429

// rpcKey is what both sides of a call must have: the configured key, or the digest of the 64 private bytes of the transport
// identity that is stored (spec 3 §4.6). nil: there is none.
func rpcKey(configured, identity []byte) ([]byte, error) {
	switch {
	case len(configured) > 0:
		return configured, nil
	case len(identity) == 0:
		return nil, nil
	case len(identity) != 64:
		return nil, fmt.Errorf("transport identity of %d bytes: it has 64", len(identity))
	}
	sum := sha256.Sum256(identity)
	return sum[:], nil
}
