package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"groupd/api/web"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
)

// propagationSettings is the section about propagation nodes.
type propagationSettings struct {
	Nodes    []mailNode `toml:"nodes"`
	Interval cadence    `toml:"interval"`
}

// mailNode is "auto", or the address of a node.
type mailNode struct {
	auto    bool
	address rns.DestinationHash
}

func (m *mailNode) UnmarshalText(text []byte) (err error) {
	if m.auto = string(text) == "auto"; m.auto {
		return nil
	}
	if m.address, err = rns.ParseDestinationHash(string(text)); err != nil {
		return errors.New(`must be "auto" or the address of a propagation node, 32 hex digits`)
	}
	return nil
}

func (p propagationSettings) check() error {
	seen := make(map[mailNode]bool)
	for _, m := range p.Nodes {
		if seen[m] {
			return errors.New("[propagation] nodes names one twice")
		}
		seen[m] = true
	}
	return nil
}

func (p propagationSettings) config() lxmf.PropagationConfig {
	c := lxmf.PropagationConfig{Interval: p.Interval.Duration}
	for _, m := range p.Nodes {
		if m.auto {
			c.Auto = true
		} else {
			c.Nodes = append(c.Nodes, m.address)
		}
	}
	return c
}

// mail is how it stands with a group's mail; nil when none is collected.
func (n *node) mail(d *lxmf.Delivery) *web.Mail {
	if len(n.settings.Propagation.Nodes) == 0 {
		return nil
	}
	s := n.propagation.Status(d)
	m := &web.Mail{State: s.State.String(), Running: s.Running, Collected: s.Collected, Last: whenever(s.Last), Good: whenever(s.Good), Next: whenever(s.Next)}
	if s.Err != nil {
		m.Error = s.Err.Error()
	}
	if s.Node.IsZero() {
		return m
	}
	m.Node = s.Node.String()
	for _, k := range n.propagation.Nodes() {
		if k.Address == s.Node {
			m.NodeName, _ = k.Data.Name()
		}
	}
	return m
}

// whenever is a time, nil for none.
func whenever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// mailLine says in one line how it stands with the mail.
func mailLine(m *web.Mail, now time.Time) string {
	if m.Node == "" {
		return "no propagation node known"
	}
	name := m.Node
	if m.NodeName != "" {
		name += " (" + moderation.CleanLine(m.NodeName) + ")"
	}
	var parts []string
	switch {
	case m.Running:
		parts = append(parts, m.State)
	case m.Error != "":
		parts = append(parts, m.State+" "+span(now.Sub(*m.Last))+" ago")
		if m.Good != nil {
			parts = append(parts, "last good "+span(now.Sub(*m.Good))+" ago")
		}
	case m.Last != nil:
		parts = append(parts, fmt.Sprintf("collected %s ago, %s", span(now.Sub(*m.Last)), counted(m.Collected, "message")))
	default:
		parts = append(parts, "not collected yet")
	}
	if m.Next != nil && !m.Running {
		parts = append(parts, "next in "+span(m.Next.Sub(now)))
	}
	return name + "   " + strings.Join(parts, ", ")
}
