package pipe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"groupd/rns/interfaces/carrier"
)

// graceTime is how long a program has to end by itself when its input is closed.
const graceTime = 500 * time.Millisecond

// process is a running program.
type process struct {
	cmd    *exec.Cmd
	input  *os.File // of the program; we write
	output *os.File // of the program; we read
	ended  chan struct{}
	why    error // valid when ended is closed

	closing sync.Once
}

// start runs a program as a child, in a process group of its own, so that what it starts ends with it.
func start(args []string) (carrier.Conn, error) {
	theirInput, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	output, theirOutput, err := os.Pipe()
	if err != nil {
		theirInput.Close()
		input.Close()
		return nil, err
	}
	p := &process{cmd: exec.Command(args[0], args[1:]...), input: input, output: output, ended: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = theirInput, theirOutput, os.Stderr
	ownGroup(p.cmd)
	err = p.cmd.Start()
	theirInput.Close()
	theirOutput.Close()
	if err != nil {
		input.Close()
		output.Close()
		return nil, err
	}
	go func() {
		defer close(p.ended)
		if p.why = p.cmd.Wait(); p.why == nil {
			p.why = errors.New("the program has ended")
		} else {
			p.why = fmt.Errorf("the program has ended: %w", p.why)
		}
	}()
	return p, nil
}

// Read reads what the program wrote.
func (p *process) Read(b []byte) (int, error) {
	n, err := p.output.Read(b)
	if err == io.EOF {
		err = errors.New("the program has closed its output")
		if p.waitFor(graceTime) {
			err = p.why
		}
	}
	return n, err
}

// Write writes to the program's input.
func (p *process) Write(b []byte) (int, error) { return p.input.Write(b) }

// SetReadDeadline is that of the pipe.
func (p *process) SetReadDeadline(t time.Time) error { return p.output.SetReadDeadline(t) }

// SetWriteDeadline is that of the pipe.
func (p *process) SetWriteDeadline(t time.Time) error { return p.input.SetWriteDeadline(t) }

// Close closes the pipes, and kills the program and what it started.
func (p *process) Close() error {
	p.closing.Do(func() {
		p.input.Close()
		p.output.Close()
		p.waitFor(graceTime)
		kill(p.cmd)
		<-p.ended
	})
	return nil
}

// waitFor says whether the program has ended.
func (p *process) waitFor(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.ended:
		return true
	case <-t.C:
		return false
	}
}
