//go:build !unix

package pipe

import "os/exec"

// ownGroup does nothing where there are no process groups.
func ownGroup(*exec.Cmd) {}

// kill kills the program.
func kill(cmd *exec.Cmd) { cmd.Process.Kill() }
