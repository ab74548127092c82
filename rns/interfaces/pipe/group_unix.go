//go:build unix

package pipe

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a program that is about to be started into a process group of its own.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill kills the whole group; there may be some left of it when the program itself has ended.
func kill(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
