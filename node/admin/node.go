package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"quorate/fsm"
)

// status answers on any node, with or without a quorum.
func (h *handler) status(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	s, err := h.Registry.Status(c.Context())
	return http.StatusOK, s, err
}

// digest answers on any node, with or without a quorum: it is how replicas are compared.
func (h *handler) digest(c *call) (int, any, error) {
	p, err := c.parameters("index")
	if err != nil {
		return 0, nil, err
	}
	index, err := strconv.ParseUint(p["index"], 10, 64)
	if err != nil {
		return 0, nil, invalid("index", p["index"], "not an index of the log")
	}
	d, ok := h.Registry.Digest(index)
	if !ok {
		return 0, nil, refuse(http.StatusNotFound, "the digest at index %d is not at hand: it is too old, or yet to come", index)
	}
	return http.StatusOK, Digest{Index: index, Digest: d}, nil
}

// incidents answers from this node's replica: they are looked at when things are in disorder.
func (h *handler) incidents(c *call) (int, any, error) {
	p, err := c.parameters("limit")
	if err != nil {
		return 0, nil, err
	}
	n, err := limit(p)
	if err != nil {
		return 0, nil, err
	}
	all := []Incident{}
	err = h.Registry.View(c.Context(), fsm.Local, 0, func(v fsm.View) error {
		for _, i := range v.Incidents(n) {
			all = append(all, showIncident(i))
		}
		return nil
	})
	return http.StatusOK, all, err
}

func showIncident(i fsm.Incident) Incident {
	return Incident{Index: i.Index, Time: i.Time.String(), ID: i.ID.String(), Kind: uint16(i.Kind), Found: i.Found}
}

func (h *handler) transferLeadership(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	err := h.Registry.TransferLeadership(c.Context())
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, nil, refuse(http.StatusGatewayTimeout, "leadership has not moved in time, but may yet: look at the status")
	case errors.Is(err, fsm.ErrUnavailable), errors.Is(err, fsm.ErrNotLogged):
		return 0, nil, refuse(http.StatusServiceUnavailable, "leadership can't move now: %v", err)
	}
	if err == nil {
		h.Log.Info("operator moved leadership", "operator", c.actor.Name)
	}
	return http.StatusNoContent, nil, err
}
