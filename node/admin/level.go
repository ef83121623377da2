package admin

import (
	"fmt"
	"net/http"
	"strings"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// level tells the cluster's level, and asks every member what its binary reads.
func (h *handler) level(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	l, err := h.levels(c)
	return http.StatusOK, l, err
}

func (h *handler) levels(c *call) (ClusterLevel, error) {
	level, members, err := h.Registry.Levels(c.Context())
	return ClusterLevel{
		Level: int(level), Brought: registry.Brought(level), Next: registry.Brought(level + 1), Members: append([]MemberLevel{}, members...),
	}, err
}

// raiseLevel raises the cluster's level by one step if every member says that it can read the next.
func (h *handler) raiseLevel(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	l, err := h.levels(c)
	if err != nil {
		return 0, nil, err
	}
	next := l.Level + 1
	var readers, cant []string
	for _, m := range l.Members {
		switch {
		case m.Reads >= next:
			readers = append(readers, m.Node)
		case m.Error != "":
			cant = append(cant, fmt.Sprintf("%s doesn't answer (%s)", m.Node, m.Error))
		default:
			cant = append(cant, fmt.Sprintf("%s reads up to level %d", m.Node, m.Reads))
		}
	}
	if len(cant) > 0 {
		return 0, nil, refuse(http.StatusConflict, "the cluster stays at level %d: not every member can read level %d: %s", l.Level, next, strings.Join(cant, "; "))
	}
	r, err := h.execute(c, registry.KindRaiseLevel, registry.RaiseLevel{To: registry.Level(next), Readers: readers})
	if err != nil {
		return 0, nil, err
	}
	err = h.reread(c, r, func(v fsm.View) error {
		l.Level, l.Brought, l.Next = int(v.Level()), registry.Brought(v.Level()), registry.Brought(v.Level()+1)
		return nil
	})
	return http.StatusOK, l, err
}

// auditLedger begins the audit of the ledger anew.
func (h *handler) auditLedger(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	_, err := h.execute(c, registry.KindLedgerAudit, registry.LedgerAudit{})
	return http.StatusNoContent, nil, err
}
