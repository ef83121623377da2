package epp

import (
	"slices"
	"testing"

	"quorate/epp/client"
	"quorate/fsm/registry"
)

// A contact changes hands over the wire; a domain that names it stays where it is.
func TestContactTransfer(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining, third := s.login(t, "reg1"), s.login(t, "reg2"), s.login(t, "NewRegistrar")
	furnish(t, losing)
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "stays.example", Registrant: "jd1234"}))
	send := func(c *client.Client, command client.TransferCommand) (*client.Transfer, int) {
		t.Helper()
		if command.Object == "" {
			command.Object = "jd1234"
		}
		got, r, err := c.TransferContact(soon(t), command)
		if err != nil {
			return nil, code(t, err)
		}
		return got, r.Code
	}
	type row struct {
		what string
		c    *client.Client
		t    client.TransferCommand
		want int
	}
	try := func(rows ...row) {
		t.Helper()
		for _, r := range rows {
			if _, got := send(r.c, r.t); got != r.want {
				t.Errorf("%s: %d; want %d", r.what, got, r.want)
			}
		}
	}
	try(
		row{"query of no transfer by the sponsor", losing, client.TransferCommand{Op: "query"}, 2301},
		row{"query of no transfer by another", gaining, client.TransferCommand{Op: "query"}, 2201},
		row{"query with authInfo", gaining, client.TransferCommand{Op: "query", AuthInfo: "2fooBAR"}, 2301},
		row{"query with wrong authInfo", gaining, client.TransferCommand{Op: "query", AuthInfo: "wrong"}, 2202},
		row{"query of no contact", gaining, client.TransferCommand{Op: "query", Object: "nobody"}, 2303},
		row{"request of no contact", gaining, client.TransferCommand{Op: "request", Object: "nobody", AuthInfo: "x"}, 2303},
		row{"request without authInfo", gaining, client.TransferCommand{Op: "request"}, 2003},
		row{"request with wrong authInfo", gaining, client.TransferCommand{Op: "request", AuthInfo: "wrong"}, 2202},
		row{"request with another's roid", gaining, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR", ROID: "C99-QUORATE"}, 2202},
		row{"request by the sponsor", losing, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR"}, 2106},
		row{"approval of nothing", losing, client.TransferCommand{Op: "approve"}, 2301},
		row{"approval by another", gaining, client.TransferCommand{Op: "approve"}, 2201},
		row{"rejection of nothing", losing, client.TransferCommand{Op: "reject"}, 2301},
		row{"cancellation of nothing", gaining, client.TransferCommand{Op: "cancel"}, 2301},
		row{"approval with wrong authInfo", losing, client.TransferCommand{Op: "approve", AuthInfo: "wrong"}, 2202},
		row{"rejection of no contact", losing, client.TransferCommand{Op: "reject", Object: "nobody"}, 2303},
	)
	got, code := send(gaining, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR"})
	if code != 1001 || got.Object != "jd1234" || got.Status != "pending" || got.Requester != "reg2" || got.Actor != "reg1" || !got.Acts.Equal(got.Requested.AddDate(0, 0, 5)) || !got.Expires.IsZero() {
		t.Fatalf("request: %d, %+v", code, got)
	}
	try(
		row{"query by the requester", gaining, client.TransferCommand{Op: "query"}, 1000},
		row{"query by a third", third, client.TransferCommand{Op: "query"}, 2201},
		row{"a second request", third, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR"}, 2300},
		row{"approval by the requester", gaining, client.TransferCommand{Op: "approve"}, 2201},
		row{"rejection by the requester", gaining, client.TransferCommand{Op: "reject"}, 2201},
		row{"cancellation by the losing", losing, client.TransferCommand{Op: "cancel"}, 2201},
		row{"cancellation", gaining, client.TransferCommand{Op: "cancel"}, 1000},
		row{"a request again", gaining, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR"}, 1001},
		row{"rejection", losing, client.TransferCommand{Op: "reject"}, 1000},
		row{"a third request", gaining, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR"}, 1001},
	)
	_, err := losing.DeleteContact(soon(t), "jd1234")
	wantCode(t, "delete while pending", err, 2304)
	if n := must(losing.InfoContact(soon(t), "jd1234", "")); !slices.Contains(n.Statuses, "pendingTransfer") || slices.Contains(n.Statuses, "ok") {
		t.Errorf("while pending: %v", n.Statuses)
	}
	try(row{"approval", losing, client.TransferCommand{Op: "approve", AuthInfo: "2fooBAR"}, 1000})
	n := must(gaining.InfoContact(soon(t), "jd1234", ""))
	if n.Sponsor != "reg2" || n.AuthInfo != "" || n.Moved.IsZero() || slices.Contains(n.Statuses, "pendingTransfer") {
		t.Errorf("afterwards: %+v", n)
	}
	if d := must(losing.InfoDomain(soon(t), "stays.example", "", "")); d.Sponsor != "reg1" || d.Registrant != "jd1234" {
		t.Errorf("the domain: %+v", d)
	}
	for range 5 {
		must(losing.Ack(soon(t), must(losing.Poll(soon(t))).ID))
	}
	m := must(losing.Poll(soon(t)))
	if m.Transfer == nil || m.Transfer.Object != "jd1234" || m.Transfer.Status != "clientApproved" || m.Count != 1 {
		t.Errorf("the last message: %+v", m)
	}

	// Prohibited, and by time-out.
	s.registry.operate(t, registry.KindContactUpdate, registry.ContactUpdate{ID: "jd1234", AddStatuses: registry.ServerTransferProhibited, AuthInfo: &registry.AuthInfo{Sealed: flip([]byte("again"))}})
	try(row{"prohibited", losing, client.TransferCommand{Op: "request", AuthInfo: "again"}, 2304})
	s.registry.operate(t, registry.KindContactUpdate, registry.ContactUpdate{ID: "jd1234", RemoveStatuses: registry.ServerTransferProhibited})
	try(row{"allowed again", losing, client.TransferCommand{Op: "request", AuthInfo: "again"}, 1001})
	s.registry.wait(t, 6*registry.Day)
	if n := must(losing.InfoContact(soon(t), "jd1234", "")); n.Sponsor != "reg1" {
		t.Errorf("after the time-out: %+v", n)
	}
	if got, _ := send(gaining, client.TransferCommand{Op: "query"}); got == nil || got.Status != "serverApproved" || got.Actor != "reg2" {
		t.Errorf("query: %+v", got)
	}
}
