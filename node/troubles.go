package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"quorate/node/admin"
	"quorate/node/publisher"
)

// methodTroubles asks the leader what its publisher can't do for a zone: the request is the zone's name.
const methodTroubles = "zonetroubles"

// troublesPatience is how long an operator's answer waits for the leader's.
const troublesPatience = 2 * time.Second

// errNoPublisher says that nobody publishes now.
var errNoPublisher = errors.New("no leader is known: nothing is published now")

// caller carries calls to other nodes; *transport.Transport is one.
type caller interface {
	Call(ctx context.Context, node, method string, request []byte) ([]byte, error)
}

// troubles knows what zones suffer from, wherever the leader is.
type troubles struct {
	leader    func() string // its id; "" if none is known
	reigns    func() bool
	publisher *publisher.Publisher
	network   caller
	self      string
}

// here are this node's publisher's: none while it doesn't lead.
func (t *troubles) here(zone string) []publisher.Trouble {
	if !t.reigns() {
		return nil
	}
	return t.publisher.Troubles(zone)
}

// serve answers another node.
func (t *troubles) serve(_ context.Context, _ string, request []byte) ([]byte, error) {
	if !t.reigns() {
		return nil, errNoPublisher
	}
	return json.Marshal(t.here(string(request)))
}

// of are a zone's, as its leader says.
func (t *troubles) of(ctx context.Context, zone string) (all []publisher.Trouble, err error) {
	switch leader := t.leader(); leader {
	case "":
		return nil, errNoPublisher
	case t.self:
		return t.here(zone), nil
	default:
		ctx, cancel := context.WithTimeout(ctx, troublesPatience)
		defer cancel()
		answer, err := t.network.Call(ctx, leader, methodTroubles, []byte(zone))
		if err == nil {
			err = json.Unmarshal(answer, &all)
		}
		if err != nil {
			return nil, fmt.Errorf("what the leader can't publish is not known: %w", err)
		}
		return all, nil
	}
}

// Troubles implements admin.Registry.
func (d adminDoor) Troubles(ctx context.Context, zone string) (shown []admin.Trouble, err error) {
	all, err := d.node.troubles.of(ctx, zone)
	for _, t := range all {
		shown = append(shown, admin.Trouble{Duty: t.Duty, Why: t.Why, Since: t.Since.String(), Next: t.Next.String(), Attempts: t.Attempts})
	}
	return shown, err
}
