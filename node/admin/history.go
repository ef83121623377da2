package admin

import (
	"context"
	"net/http"
	"strconv"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// history answers with records oldest first: those of an actor's commands with a clTRID (the actor is the
// caller unless named), those from an index on, or the newest.
func (h *handler) history(c *call) (int, any, error) {
	p, err := c.parameters("actor", "cltrid", "from", "limit", "level")
	if err != nil {
		return 0, nil, err
	}
	n, err := limit(p)
	if err != nil {
		return 0, nil, err
	}
	find, err := finder(c, p, n)
	if err != nil {
		return 0, nil, err
	}
	all := []Record{}
	err = h.read(c, p, func(v fsm.View) error {
		for _, r := range find(v) {
			all = append(all, Record{
				Index: r.Index, Time: r.Time.String(), Actor: r.Actor.Name, ID: r.ID.String(), ClTRID: r.ClTRID, Event: r.Event, Object: r.Object,
			})
		}
		return c.Context().Err()
	})
	return http.StatusOK, all, err
}

// finder is how the records that the parameters ask for are found.
func finder(c *call, p map[string]string, n int) (func(fsm.View) []registry.Record, error) {
	actor, clTRID := p["actor"], p["cltrid"]
	switch {
	case !printable(actor) || !printable(clTRID):
		return nil, invalid("cltrid", clTRID, "actor and cltrid are printable text")
	case clTRID == "" && actor != "":
		return nil, missing("cltrid", "an actor's commands are found by their cltrid")
	case clTRID != "" && p["from"] != "":
		return nil, invalid("from", p["from"], "records are found by cltrid or by index, not both")
	case clTRID != "":
		if actor == "" {
			actor = c.actor.Name
		}
		return func(v fsm.View) []registry.Record { return v.HistoryByClTRID(actor, clTRID, n) }, nil
	case p["from"] == "":
		return func(v fsm.View) []registry.Record { return newestRecords(c.Context(), v, n) }, nil
	}
	from, err := strconv.ParseUint(p["from"], 10, 64)
	if err != nil {
		return nil, invalid("from", p["from"], "not an index of the log")
	}
	return func(v fsm.View) (all []registry.Record) {
		v.History(from, func(r registry.Record) bool {
			all = append(all, r)
			return len(all) < n
		})
		return all
	}, nil
}

// newestRecords are the last n records. The history is read forwards and most indexes have no record (Ticks), so it
// looks back twice as far each time until it has seen enough.
func newestRecords(ctx context.Context, v fsm.View, n int) []registry.Record {
	for span := uint64(2 * n); ; span *= 2 {
		from := v.Index() - min(v.Index(), span)
		ring := newRing[registry.Record](n)
		v.History(from, func(r registry.Record) bool {
			ring.add(r)
			return ctx.Err() == nil
		})
		if found := ring.all(); len(found) == n || from == 0 || ctx.Err() != nil {
			return found
		}
	}
}
