package fsm_test

import (
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// forbids says which transforms each status forbids (RFC 5731 §2.3, RFC 5732 §2.3, RFC 5733 §2.2). What is pending forbids all.
var forbids = map[string]map[string]bool{
	"clientDeleteProhibited":   {"delete": true},
	"serverDeleteProhibited":   {"delete": true},
	"clientUpdateProhibited":   {"update": true},
	"serverUpdateProhibited":   {"update": true},
	"clientRenewProhibited":    {"renew": true},
	"serverRenewProhibited":    {"renew": true},
	"clientTransferProhibited": {"transfer": true},
	"serverTransferProhibited": {"transfer": true},
	"clientHold":               {},
	"serverHold":               {},
	"pendingCreate":            {"delete": true, "update": true, "renew": true, "transfer": true},
	"pendingDelete":            {"delete": true, "update": true, "renew": true, "transfer": true},
	"pendingRenew":             {"delete": true, "update": true, "renew": true, "transfer": true},
	"pendingTransfer":          {"delete": true, "update": true, "renew": true, "transfer": true},
	"pendingUpdate":            {"delete": true, "update": true, "renew": true, "transfer": true},
}

// withStatus opens a registry with a domain, a host and a contact that have a status and nothing between them.
func withStatus(t *testing.T, status registry.Statuses) *rig {
	t.Helper()
	r := newRig(t)
	r.policy("example", 100_000, "reg1", "reg2")
	r.raiseTo(registry.HighestLevel)
	for _, id := range []string{"c1", "c2"} {
		r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: id, AuthInfo: registry.AuthInfo{Sealed: []byte("word")}}))
	}
	r.must(r.do(registrar("reg1"), registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"}))
	r.must(r.do(registrar("reg1"), registry.KindDomainCreate, registry.DomainCreate{
		Name: "foo.example", Registrant: "c2", AuthInfo: registry.AuthInfo{Sealed: []byte("word")},
	}))
	// Nobody can set what is pending, so it is written where it would stand.
	alterRow(t, r, "domains", func(_, value []byte) []byte {
		return restated(t, value, func(d *registry.Domain) {
			d.Statuses = status
			d.Purge = r.now + 100*registry.Day
			if status == registry.PendingTransfer {
				d.Transfer = &registry.Transfer{Status: registry.TransferPending, Losing: "reg1", Requester: "reg2", Acts: d.Purge}
			}
		})
	})
	alterRow(t, r, "hosts", func(_, value []byte) []byte {
		return restated(t, value, func(h *registry.Host) { h.Statuses = status })
	})
	alterRow(t, r, "contacts", func(_, value []byte) []byte {
		return restated(t, value, func(c *registry.Contact) {
			c.Statuses = status
			if status == registry.PendingTransfer {
				c.Transfer = &registry.Transfer{Status: registry.TransferPending, Losing: "reg1", Requester: "reg2", Acts: r.now + 100*registry.Day}
			}
		})
	})
	return r
}

func restated[T any](t *testing.T, value []byte, change func(*T)) []byte {
	t.Helper()
	var row T
	if err := store.Decode(value, &row); err != nil {
		t.Fatal(err)
	}
	change(&row)
	return store.Encode(row)
}

func TestWhatEachStatusForbids(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	all := registry.ClientStatuses | registry.ServerStatuses | registry.Pending
	if len(forbids) != len(all.Names()) {
		t.Fatalf("the table has %d statuses of %d", len(forbids), len(all.Names()))
	}
	email := "a@b.test"
	for _, name := range all.Names() {
		status, _ := registry.ParseStatus(name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := withStatus(t, status)
			want := func(what, transform string, got registry.Result) {
				t.Helper()
				forbidden := forbids[name][transform]
				if forbidden != (got.Code == registry.ObjectStatusProhibits) || !forbidden && got.Code.Failed() {
					t.Errorf("%s: %d %v, forbidden: %v", what, got.Code, got.Fail, forbidden)
				}
			}
			client := registrar("reg1")
			mine := func(of registry.Statuses) registry.Statuses { return registry.ClientDeleteProhibited &^ status & of }
			// A status that isn't there can be added unless updates are forbidden, and removed again.
			for what, do := range map[string]func(add, remove registry.Statuses) registry.Result{
				"domain:update": func(add, remove registry.Statuses) registry.Result {
					return r.do(client, registry.KindDomainUpdate, registry.DomainUpdate{Name: "foo.example", AddStatuses: add, RemoveStatuses: remove})
				},
				"host:update": func(add, remove registry.Statuses) registry.Result {
					return r.do(client, registry.KindHostUpdate, registry.HostUpdate{Name: "ns.elsewhere.test", AddStatuses: add, RemoveStatuses: remove})
				},
				"contact:update": func(add, remove registry.Statuses) registry.Result {
					return r.do(client, registry.KindContactUpdate, registry.ContactUpdate{ID: "c1", Email: &email, AddStatuses: add, RemoveStatuses: remove})
				},
			} {
				add := mine(registry.ClientStatuses)
				want(what, "update", do(add, 0))
				if !forbids[name]["update"] {
					want(what+", back", "update", do(0, add))
				}
			}
			var expires registry.Time
			r.view(func(v fsm.View) {
				d, _ := v.Domain("foo.example")
				expires = d.Expires - d.Expires%registry.Day
			})
			want("domain:renew", "renew", r.do(client, registry.KindDomainRenew, registry.DomainRenew{Name: "foo.example", Current: expires}))
			// Only the last one can be got rid of by the client itself.
			if status == registry.ClientUpdateProhibited {
				for what, got := range map[string]registry.Result{
					"domain":  r.do(client, registry.KindDomainUpdate, registry.DomainUpdate{Name: "foo.example", RemoveStatuses: status}),
					"host":    r.do(client, registry.KindHostUpdate, registry.HostUpdate{Name: "ns.elsewhere.test", RemoveStatuses: status}),
					"contact": r.do(client, registry.KindContactUpdate, registry.ContactUpdate{ID: "c1", RemoveStatuses: status}),
				} {
					if got.Code != registry.Success {
						t.Errorf("%s: removing it: %v", what, got.Fail)
					}
				}
			}
			other := withStatus(t, status)
			var domain, contact registry.Proof
			other.view(func(v fsm.View) {
				d, _ := v.Domain("foo.example")
				c, _ := v.Contact("c1")
				mark := registry.AuthInfo{Sealed: []byte("word")}.Mark()
				domain, contact = registry.Proof{Number: d.Number, Mark: mark}, registry.Proof{Number: c.Number, Mark: mark}
			})
			for what, got := range map[string]registry.Result{
				"domain:transfer":  other.do(registrar("reg2"), registry.KindDomainTransfer, registry.DomainTransfer{Name: "foo.example", Proof: domain}),
				"contact:transfer": other.do(registrar("reg2"), registry.KindContactTransfer, registry.ContactTransfer{ID: "c1", Proof: contact}),
			} {
				if status == registry.PendingTransfer && got.Code == registry.PendingTransferExists {
					got.Code = registry.ObjectStatusProhibits // it has a code of its own
				}
				want(what, "transfer", got)
			}
			want("domain:delete", "delete", r.do(client, registry.KindDomainDelete, registry.DomainDelete{Name: "foo.example"}))
			want("host:delete", "delete", r.do(client, registry.KindHostDelete, registry.HostDelete{Name: "ns.elsewhere.test"}))
			want("contact:delete", "delete", r.do(client, registry.KindContactDelete, registry.ContactDelete{ID: "c1"}))
		})
	}
}

// An operator sets the server's statuses, and isn't held by those that hold clients.
func TestOperatorsSetTheServersStatuses(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	for _, name := range (registry.ServerStatuses | registry.ClientStatuses).Names() {
		status, _ := registry.ParseStatus(name)
		r := withStatus(t, status)
		other := registry.ServerDeleteProhibited
		if status == other {
			other = registry.ServerUpdateProhibited
		}
		for what, c := range map[string]struct {
			settable registry.Statuses
			do       func(actor registry.Actor, add, remove registry.Statuses) registry.Result
		}{
			"domain": {registry.ServerStatuses | registry.ClientStatuses, func(actor registry.Actor, add, remove registry.Statuses) registry.Result {
				return r.do(actor, registry.KindDomainUpdate, registry.DomainUpdate{Name: "foo.example", AddStatuses: add, RemoveStatuses: remove})
			}},
			"host": {registry.HostSettable, func(actor registry.Actor, add, remove registry.Statuses) registry.Result {
				return r.do(actor, registry.KindHostUpdate, registry.HostUpdate{Name: "ns.elsewhere.test", AddStatuses: add, RemoveStatuses: remove})
			}},
			"contact": {registry.ContactSettable, func(actor registry.Actor, add, remove registry.Statuses) registry.Result {
				return r.do(actor, registry.KindContactUpdate, registry.ContactUpdate{ID: "c1", AddStatuses: add, RemoveStatuses: remove})
			}},
		} {
			if got := c.do(operator, other, 0); got.Code.Failed() {
				t.Errorf("%s with %s: adding: %v", what, name, got.Fail)
			}
			got := c.do(operator, 0, status|other)
			if allowed := c.settable.Has(status); allowed == got.Code.Failed() {
				t.Errorf("%s: removing %s: %d %v", what, name, got.Code, got.Fail)
			}
			if registry.ServerStatuses.Has(status) {
				if got := c.do(registrar("reg1"), status, 0); got.Code == registry.Success {
					t.Errorf("%s: a registrar may set %s", what, name)
				}
			}
		}
	}
}
