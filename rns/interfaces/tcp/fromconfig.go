package tcp

import (
	"errors"
	"log/slog"

	"groupd/rns/config"
	"groupd/rns/interfaces/carrier"
)

// ClientFromConfig makes a Client of a TCPClientInterface of the configuration.
func ClientFromConfig(i config.Interface, log *slog.Logger) (*Client, error) {
	c := i.TCPClient
	if c == nil {
		return nil, errors.New("not a TCP client")
	}
	o := OptionsFrom(carrier.FromConfig(i, log))
	o.FixedMTU, o.I2PTunneled = c.FixedMTU, c.I2PTunneled
	return NewClient(ClientConfig{
		Name: i.Name, Host: c.TargetHost, Port: c.TargetPort, Options: o, KISSFraming: c.KISSFraming,
		ConnectTimeout: c.ConnectTimeout, MaxReconnectTries: c.MaxReconnectTries,
	})
}

// ServerFromConfig makes a Server of a TCPServerInterface of the configuration.
func ServerFromConfig(i config.Interface, log *slog.Logger) (*Server, error) {
	c := i.TCPServer
	if c == nil {
		return nil, errors.New("not a TCP server")
	}
	o := OptionsFrom(carrier.FromConfig(i, log))
	o.I2PTunneled = c.I2PTunneled
	return NewServer(ServerConfig{Name: i.Name, Host: c.ListenIP, Port: c.ListenPort, Device: c.Device, PreferIPv6: c.PreferIPv6, Options: o})
}

// OptionsFrom are the options that TCP shares with other carriers.
func OptionsFrom(o carrier.Options) Options {
	return Options{
		Mode: o.Mode, Bitrate: o.Bitrate, IFACSize: o.IFACSize, ReceiveOnly: o.ReceiveOnly,
		QueueFrames: o.QueueFrames, QueueBytes: o.QueueBytes, Logger: o.Logger,
	}
}
