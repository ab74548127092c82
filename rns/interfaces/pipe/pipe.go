// Package pipe carries Reticulum packets over the standard input and output of a program, framed as package hdlc does
// (PipeInterface, spec 3 §2.10): a way to reach any medium for which there is a program.
package pipe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

// Fixed by what others expect (spec 3 §1.4).
const (
	// DefaultBitrate in bit/s is assumed (BITRATE_GUESS).
	DefaultBitrate = 1_000_000
	// IFACSize in bytes is used where an access code is configured without a size (DEFAULT_IFAC_SIZE).
	IFACSize = 8
	// FrameLimit in bytes (HW_MTU). Links over a pipe stay at 500 bytes.
	FrameLimit = 1064
)

// Tunables, each with a field in Config.
const (
	// DefaultRespawnDelay is the wait before the program is run again.
	DefaultRespawnDelay = 5 * time.Second
	// DefaultWriteTimeout ends a program that takes not one byte for so long.
	DefaultWriteTimeout = 60 * time.Second
)

// StartFunc runs a program. Reading gives what it writes to its standard output, and an error when it has ended; writing
// goes to its standard input. Close ends it, and returns when it has ended.
type StartFunc func(args []string) (carrier.Conn, error)

// Config describes a PipeInterface.
type Config struct {
	// Name is the title of the section in the configuration.
	Name string
	// Command is the program and its arguments; see Split.
	Command string

	carrier.Options

	// RespawnDelay and WriteTimeout: 0 is 5 s and 60 s.
	RespawnDelay, WriteTimeout time.Duration
	// Start runs the program. nil: as a child of this process, with its standard error.
	Start StartFunc
}

// Interface is the carrier. Make it with New.
type Interface struct {
	carrier.Face
	engine *carrier.Engine
	config Config
	args   []string
}

var (
	_ interfaces.Interface       = (*Interface)(nil)
	_ interfaces.FailureNotifier = (*Interface)(nil)
)

func kind() carrier.Kind {
	return carrier.Kind{Bitrate: DefaultBitrate, IFACSize: IFACSize, FrameLimit: FrameLimit}
}

// New checks the configuration. Nothing is run before Run.
func New(c Config) (*Interface, error) {
	args, err := Split(c.Command)
	switch {
	case err != nil:
		return nil, fmt.Errorf("pipe: command: %w", err)
	case len(args) == 0 || args[0] == "":
		return nil, errors.New("pipe without a command")
	case c.RespawnDelay < 0 || c.WriteTimeout < 0:
		return nil, errors.New("pipe: negative delay or timeout")
	}
	if c.Options, err = c.Options.Complete(kind()); err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	carrier.Default(&c.RespawnDelay, DefaultRespawnDelay)
	carrier.Default(&c.WriteTimeout, DefaultWriteTimeout)
	if c.Start == nil {
		c.Start = start
	}
	i := &Interface{config: c, args: args}
	i.Face, i.engine = carrier.New("PipeInterface["+c.Name+"]", c.Options.Properties(kind()), c.QueueFrames, c.QueueBytes, carrier.HDLC{Min: 1})
	return i, nil
}

// FromConfig makes the carrier of a PipeInterface of the configuration.
func FromConfig(i config.Interface, log *slog.Logger) (*Interface, error) {
	p := i.Pipe
	if p == nil {
		return nil, errors.New("not a pipe")
	}
	return New(Config{Name: i.Name, Command: p.Command, RespawnDelay: p.RespawnDelay, Options: carrier.FromConfig(i, log)})
}

// NotifyFailure has f called each time the program has ended or cannot be run.
func (i *Interface) NotifyFailure(f func(why error)) { i.engine.OnFailure(f) }

// Run runs the program and carries frames until ctx ends. A program that ends is run again after RespawnDelay, forever. One
// that cannot be run at all the first time ends Run with an error, since the command is wrong.
func (i *Interface) Run(ctx context.Context, deliver func(frame []byte)) error {
	if !i.engine.Begin() {
		return interfaces.ErrRunning
	}
	defer i.engine.End()
	for ran := false; ; {
		conn, err := i.config.Start(i.args)
		switch {
		case err == nil:
			ran = true
			i.config.Logger.Debug("pipe program runs", "iface", i.Name())
			i.engine.Up()
			err = i.engine.Carry(ctx, conn, i.config.WriteTimeout, deliver)
		default:
			i.engine.Down(err)
			if !ran {
				return fmt.Errorf("running the program of %s: %w", i.Name(), err)
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		i.engine.Failed(err)
		i.config.Logger.Warn("pipe program is not running", "iface", i.Name(), "err", err, "wait", i.config.RespawnDelay)
		if !carrier.Pause(ctx, i.config.RespawnDelay, nil) {
			return nil
		}
	}
}
