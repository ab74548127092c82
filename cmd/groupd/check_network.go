package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"groupd/rns/config"
	"groupd/rns/sharedinstance"
)

// checkNetwork reads Reticulum's configuration and looks whether what it asks for can be had.
func (a *app) checkNetwork(ctx context.Context, r *checkResult, running bool) {
	dir, err := a.rnsConfigDir()
	if err != nil {
		r.wrong("network", err)
		return
	}
	n, err := readNetwork(dir, false)
	if err != nil {
		if n == nil || len(n.fatal) == 0 {
			r.wrong("network", err)
			return
		}
		for _, w := range n.fatal {
			r.wrong("network", &failure{code: exitConfig, msg: w.Text, hint: w.Hint})
		}
		return
	}
	if n.missing {
		r.note("network", "there is no "+n.path+" yet", "groupd run makes Reticulum's usual one")
	} else {
		r.ok("network", n.path)
	}
	for _, w := range n.notices {
		r.note("network", w.Text, w.Hint)
	}
	shared := !running && r.instance(ctx, n)
	if len(n.enabled) == 0 && !shared && !running {
		r.note("network", n.waysOut().Text, n.waysOut().Hint)
	}
	r.clashes(n)
	for _, i := range n.enabled {
		r.device(n, i)
		if !running && !shared {
			r.ports(ctx, n, i)
		}
	}
}

// instance looks for the shared instance, and reports whether another program has it.
func (r *checkResult) instance(ctx context.Context, n *network) (shared bool) {
	if !n.config.Reticulum.ShareInstance {
		r.ok("instance", "nothing is shared with other programs (share_instance = no)")
		return false
	}
	i, err := sharedinstance.Join(ctx, sharedinstance.Config{Reticulum: n.config.Reticulum})
	if err != nil {
		r.wrong("instance", &failure{code: exitConfig, msg: n.at(0) + err.Error(), hint: "instance_name, shared_instance_port and instance_control_port in [reticulum]"})
		return false
	}
	defer i.Close()
	switch {
	case i.Err() != nil:
		r.note("instance", "this server would share its connection with no other program: "+i.Err().Error(), "another instance_name, or share_instance = no")
	case i.Role() == sharedinstance.Client:
		r.ok("instance", i.Name()+" is another program's: this server would go through that, and use no interface of "+n.path)
		return true
	default:
		r.ok("instance", i.Name()+" is free: other programs would go through this server")
	}
	return false
}

// clashes looks for interfaces that want the same thing.
func (r *checkResult) clashes(n *network) {
	had := make(map[string]config.Interface)
	for _, i := range n.enabled {
		what := ""
		switch {
		case i.RNode != nil:
			what = i.RNode.Port
		case i.Serial != nil:
			what = i.Serial.Port
		case i.KISS != nil:
			what = i.KISS.Port
		case i.TCPServer != nil:
			what = "TCP " + listenOn(i.TCPServer.Device, i.TCPServer.ListenIP, i.TCPServer.ListenPort)
		case i.BackboneListener != nil:
			what = "TCP " + listenOn(i.BackboneListener.Device, i.BackboneListener.ListenIP, i.BackboneListener.ListenPort)
		case i.UDP != nil:
			what = "UDP " + listenOn(i.UDP.Device, i.UDP.ListenIP, i.UDP.ListenPort)
		case i.Auto != nil:
			what = fmt.Sprintf("UDP ports %d and %d of an AutoInterface", i.Auto.DiscoveryPort, i.Auto.DataPort)
		}
		if what == "" {
			continue
		}
		if other, twice := had[what]; twice {
			r.wrong("network", &failure{code: exitConfig, msg: fmt.Sprintf("%s[[%s]] wants %s, which [[%s]] of line %d has already", n.at(i.Line), i.Name, what, other.Name, other.Line), hint: "enabled = no in one of the two, or another one"})
			continue
		}
		had[what] = i
	}
}

func listenOn(device, ip string, port int) string {
	if device != "" {
		ip = "%" + device
	}
	return net.JoinHostPort(ip, strconv.Itoa(port))
}

// device looks whether the devices are there that an interface names. They may come later, so nothing of that is fatal.
func (r *checkResult) device(n *network, i config.Interface) {
	note := func(text, hint string) {
		r.note("device", fmt.Sprintf("%s[[%s]]: %s", n.at(i.Line), i.Name, text), hint)
	}
	port := ""
	var cards []string
	switch {
	case i.RNode != nil:
		port = i.RNode.Port
		if strings.HasPrefix(port, "tcp://") {
			port = ""
		}
		if i.RNode.TXPower > 22 {
			note(fmt.Sprintf("txpower = %d is more than most boards can do; the radio must take exactly what is configured", i.RNode.TXPower), "txpower = 22, or what the board's data sheet says")
		}
		if least := radioOf(*i.RNode).Bitrate(); least < 500 {
			note(fmt.Sprintf("%.0f bit/s are too slow for links and for more than a few short messages in an hour", least), "a smaller spreadingfactor, or more bandwidth")
		}
	case i.Serial != nil:
		port = i.Serial.Port
	case i.KISS != nil:
		port = i.KISS.Port
	case i.TCPServer != nil:
		cards = []string{i.TCPServer.Device}
	case i.BackboneListener != nil:
		cards = []string{i.BackboneListener.Device}
	case i.UDP != nil:
		cards = []string{i.UDP.Device}
	case i.Auto != nil:
		cards = i.Auto.Devices
	}
	for _, card := range cards {
		if card == "" {
			continue
		}
		if _, err := net.InterfaceByName(card); err != nil {
			note("there is no network device "+card+" now", "ip link shows what there is")
		}
	}
	if port == "" {
		return
	}
	// Not opened: that reboots some boards.
	const readWrite = 6
	switch err := syscall.Access(port, readWrite); {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		hint := "plug it in, or look where it is: ls /dev/serial/by-id/"
		if found, _ := filepath.Glob("/dev/serial/by-id/*"); len(found) > 0 {
			hint = "there is " + strings.Join(found[:min(3, len(found))], ", ")
		}
		note("there is no "+port+" now", hint)
	case errors.Is(err, fs.ErrPermission):
		note("no permission to open "+port, "sudo usermod -aG dialout $USER, then log in again")
	default:
		note(fmt.Sprintf("%s: %v", port, err), "")
	}
	if strings.HasPrefix(port, "/dev/ttyUSB") || strings.HasPrefix(port, "/dev/ttyACM") {
		note(port+" may be another device after the next start", "the path under /dev/serial/by-id/ stays the same")
	}
}

// ports tries to bind what an interface would.
func (r *checkResult) ports(ctx context.Context, n *network, i config.Interface) {
	where := fmt.Sprintf("%s[[%s]]", n.at(i.Line), i.Name)
	switch {
	case i.TCPServer != nil && i.TCPServer.Device == "":
		r.port(ctx, where, net.JoinHostPort(i.TCPServer.ListenIP, strconv.Itoa(i.TCPServer.ListenPort)))
	case i.BackboneListener != nil && i.BackboneListener.Device == "":
		r.port(ctx, where, net.JoinHostPort(i.BackboneListener.ListenIP, strconv.Itoa(i.BackboneListener.ListenPort)))
	case i.UDP != nil && i.UDP.Device == "":
		address := net.JoinHostPort(i.UDP.ListenIP, strconv.Itoa(i.UDP.ListenPort))
		var lc net.ListenConfig
		c, err := lc.ListenPacket(ctx, "udp", address)
		if err != nil {
			r.wrong("port", &failure{code: exitFailed, msg: where + ": " + err.Error(), hint: "another port, or end what listens there"})
			return
		}
		c.Close()
		r.ok("port", where+": "+address+" is free")
	}
}
