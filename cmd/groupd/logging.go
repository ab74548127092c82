package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"groupd/rns/config"
)

// loggers are those of our own parts and of the network, which have levels of their own and write to the same place.
type loggers struct{ own, network *slog.Logger }

// newLoggers follows [log] of groupd.toml and, for the network, [logging] of Reticulum's configuration.
func newLoggers(w io.Writer, s logSettings, r config.Logging) loggers {
	own, network := s.Level.Level, networkLevel(r.Level)
	options := &slog.HandlerOptions{Level: min(own, network)}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if s.Format.string == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	return loggers{own: slog.New(atLevel{h, own, false}), network: slog.New(atLevel{h, network, !r.Timestamps})}
}

// networkLevel maps Reticulum's levels: 0 critical, 1 error, 2 warning, 3 notice, 4 info, 5 verbose, 6 debug, 7 path, 8 extreme.
func networkLevel(l int) slog.Level {
	switch {
	case l <= 1:
		return slog.LevelError
	case l <= 3:
		return slog.LevelWarn
	case l == 4:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// atLevel lets through what is at least of a level, without its time if that is not wanted.
type atLevel struct {
	slog.Handler
	level   slog.Level
	untimed bool
}

func (h atLevel) Handle(ctx context.Context, r slog.Record) error {
	if h.untimed {
		r.Time = time.Time{}
	}
	return h.Handler.Handle(ctx, r)
}

func (h atLevel) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

func (h atLevel) WithAttrs(a []slog.Attr) slog.Handler {
	return atLevel{h.Handler.WithAttrs(a), h.level, h.untimed}
}

func (h atLevel) WithGroup(name string) slog.Handler {
	return atLevel{h.Handler.WithGroup(name), h.level, h.untimed}
}
