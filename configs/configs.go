// Package configs holds the files that ship with groupd, embedded in the binary.
package configs

import _ "embed"

// Groupd is the commented groupd.toml that a first start writes and `groupd check --default` prints. It parses to the defaults.
//
//go:embed groupd.toml
var Groupd []byte

// Unit is the systemd unit that `groupd init --unit` prints.
//
//go:embed groupd.service
var Unit []byte
