//go:build !linux

package main

import "github.com/spf13/cobra"

// platformVerbs are none here.
func (a *app) platformVerbs() []*cobra.Command { return nil }
