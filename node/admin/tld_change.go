package admin

import (
	"encoding/json"
	"errors"
	"net/http"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// TLDChange is PATCH /v1/tlds/NAME: the fields of a TLD that are to change, by their names in JSON; so within soa and ttl.
// What is absent stays as it is.
type TLDChange map[string]any

// changeAttempts bounds how often a change is worked out anew.
const changeAttempts = 5

// retried makes a change, and works it out anew while somebody else has changed the same thing meanwhile.
func retried(change func() error) (err error) {
	for range changeAttempts {
		err = change()
		var fail *registry.Failure
		if !errors.As(err, &fail) || fail.Code != registry.ObjectStatusProhibits {
			break
		}
	}
	return err
}

func (h *handler) changeTLD(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	name, err := parseName("name", c.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	var change json.RawMessage
	if err := c.decode(&change); err != nil {
		return 0, nil, err
	}
	var r registry.Result
	if err := retried(func() error {
		var before registry.TLD
		var now TLD
		if err := h.Registry.View(c.Context(), fsm.Linearizable, 0, func(v fsm.View) error {
			var ok bool
			if before, ok = v.TLD(name); !ok {
				return registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such TLD")
			}
			now = showTLD(v, before)
			return nil
		}); err != nil {
			return err
		}
		wanted, err := now.changed(change)
		if err != nil {
			return err
		}
		t, err := wanted.registry(before)
		if err != nil {
			return err
		}
		r, err = h.execute(c, registry.KindTLDUpdate, registry.TLDUpdate{TLD: t, Base: before.LastEvent})
		return err
	}); err != nil {
		return 0, nil, err
	}
	var shown TLD
	err = h.reread(c, r, func(v fsm.View) error {
		t, _ := v.TLD(name)
		shown = showTLD(v, t)
		return nil
	})
	return http.StatusOK, shown, err
}

// changed is t with what a change has, which must not be what can't be set.
func (t TLD) changed(change json.RawMessage) (TLD, error) {
	was := t
	if t.Zone != "" {
		t.Serial = 0
	}
	serial := t.Serial
	var fields map[string]json.RawMessage
	if err := decodeStrictly(change, &fields); err != nil {
		return t, err
	}
	if _, ok := fields["nameservers"]; ok {
		t.Nameservers = nil // a list is replaced as a whole, and encoding/json would write over what its elements hold
	}
	if err := decodeStrictly(change, &t); err != nil {
		return t, err
	}
	switch {
	case t.Name != was.Name:
		return t, registry.Fail(registry.ParameterPolicy, "name", t.Name, "a TLD keeps its name")
	case t.Created != was.Created || t.Serial != serial:
		return t, registry.Fail(registry.ParameterPolicy, "serial", "", "the serial and the date of creation come of themselves")
	}
	return t, t.noughts(was)
}

// noughts refuses numbers that have become nought, which stands for the default where a TLD is opened: nobody has asked for that.
func (t TLD) noughts(was TLD) error {
	for _, n := range []struct {
		element string
		is, was uint32
	}{
		{"max_years", uint32(t.MaxYears), uint32(was.MaxYears)},
		{"soa.refresh", t.SOA.Refresh, was.SOA.Refresh}, {"soa.retry", t.SOA.Retry, was.SOA.Retry},
		{"soa.expire", t.SOA.Expire, was.SOA.Expire}, {"soa.minimum", t.SOA.Minimum, was.SOA.Minimum},
		{"ttl.apex", t.TTL.Apex, was.TTL.Apex}, {"ttl.delegation", t.TTL.Delegation, was.TTL.Delegation}, {"ttl.glue", t.TTL.Glue, was.TTL.Glue},
	} {
		if n.is == 0 && n.was != 0 {
			return registry.Fail(registry.ParameterRange, n.element, "0", "at least 1")
		}
	}
	return nil
}
