package epp

import (
	"errors"
	"slices"
	"testing"
	"time"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// transferring is a command about the transfer of a domain, and the code that it is answered with.
func transferring(t testing.TB, c *client.Client, command client.TransferCommand) (*client.Transfer, int) {
	t.Helper()
	got, r, err := c.TransferDomain(soon(t), command)
	if err != nil {
		return nil, code(t, err)
	}
	return got, r.Code
}

// A domain changes hands over the wire, with who is told what, and when.
func TestDomainTransfer(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining, third := s.login(t, "reg1"), s.login(t, "reg2"), s.login(t, "NewRegistrar")
	furnish(t, losing)
	created := must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "moves.example", Registrant: "jd1234", AuthInfo: "s3cret & <co>"}))
	requested := time.UnixMilli(int64(testNow)).UTC()

	for _, row := range []struct {
		what string
		c    *client.Client
		t    client.TransferCommand
		want int
	}{
		{"query of no transfer by the sponsor", losing, client.TransferCommand{Op: "query"}, 2301},
		{"query of no transfer by another", gaining, client.TransferCommand{Op: "query"}, 2201},
		{"query of no transfer with authInfo", gaining, client.TransferCommand{Op: "query", AuthInfo: "s3cret & <co>"}, 2301},
		{"query with wrong authInfo", gaining, client.TransferCommand{Op: "query", AuthInfo: "wrong"}, 2202},
		{"query of no domain", gaining, client.TransferCommand{Op: "query", Object: "none.example"}, 2303},
		{"request of no domain", gaining, client.TransferCommand{Op: "request", Object: "none.example", AuthInfo: "x"}, 2303},
		{"request without authInfo", gaining, client.TransferCommand{Op: "request"}, 2003},
		{"request with wrong authInfo", gaining, client.TransferCommand{Op: "request", AuthInfo: "wrong"}, 2202},
		{"request with a contact's for its own", gaining, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR"}, 2202},
		{"request with a stranger's roid", gaining, client.TransferCommand{Op: "request", AuthInfo: "2fooBAR", ROID: "C99-QUORATE"}, 2202},
		{"request by the sponsor", losing, client.TransferCommand{Op: "request", AuthInfo: "s3cret & <co>"}, 2106},
		{"request beyond ten years", gaining, client.TransferCommand{Op: "request", AuthInfo: "s3cret & <co>", Years: 10}, 2306},
		{"request of eleven years", gaining, client.TransferCommand{Op: "request", AuthInfo: "s3cret & <co>", Years: 11}, 2004},
		{"approval of nothing", losing, client.TransferCommand{Op: "approve"}, 2301},
		{"rejection of nothing", losing, client.TransferCommand{Op: "reject"}, 2301},
		{"cancellation of nothing", gaining, client.TransferCommand{Op: "cancel"}, 2301},
		{"approval by another", gaining, client.TransferCommand{Op: "approve"}, 2201},
		{"approval with wrong authInfo", losing, client.TransferCommand{Op: "approve", AuthInfo: "wrong"}, 2202},
		{"approval of no domain with authInfo", losing, client.TransferCommand{Op: "approve", Object: "none.example", AuthInfo: "wrong"}, 2303},
		{"approval of no domain", losing, client.TransferCommand{Op: "approve", Object: "none.example"}, 2303},
	} {
		if row.t.Object == "" {
			row.t.Object = "moves.example"
		}
		if _, got := transferring(t, row.c, row.t); got != row.want {
			t.Errorf("%s: %d; want %d", row.what, got, row.want)
		}
	}

	pending := client.Transfer{
		Object: "moves.example", Status: "pending", Requester: "reg2", Requested: requested, Actor: "reg1",
		Acts: requested.AddDate(0, 0, 5), Expires: created.Expires.AddDate(2, 0, 0),
	}
	got, code := transferring(t, gaining, client.TransferCommand{Op: "request", Object: "MOVES.example", AuthInfo: "s3cret & <co>", Years: 2})
	if code != 1001 || *got != pending {
		t.Fatalf("request: %d, %+v; want %+v", code, got, pending)
	}
	for name, c := range map[string]*client.Client{"losing": losing, "gaining": gaining} {
		if got, _ := transferring(t, c, client.TransferCommand{Op: "query", Object: "moves.example"}); got == nil || *got != pending {
			t.Errorf("query by the %s registrar: %+v", name, got)
		}
	}
	if _, code := transferring(t, third, client.TransferCommand{Op: "query", Object: "moves.example"}); code != 2201 {
		t.Errorf("query by a third registrar: %d", code)
	}
	if got, _ := transferring(t, third, client.TransferCommand{Op: "query", Object: "moves.example", AuthInfo: "s3cret & <co>"}); got == nil || *got != pending {
		t.Errorf("query with the authInfo: %+v", got)
	}
	if d := must(losing.InfoDomain(soon(t), "moves.example", "", "")); !slices.Contains(d.Statuses, "pendingTransfer") || slices.Contains(d.Statuses, "ok") || d.Sponsor != "reg1" {
		t.Errorf("while pending: %+v", d)
	}
	for what, try := range map[string]struct {
		c    *client.Client
		t    client.TransferCommand
		want int
	}{
		"a second request":           {third, client.TransferCommand{Op: "request", AuthInfo: "s3cret & <co>"}, 2300},
		"approval by the requester":  {gaining, client.TransferCommand{Op: "approve"}, 2201},
		"rejection by the requester": {gaining, client.TransferCommand{Op: "reject"}, 2201},
		"cancellation by the losing": {losing, client.TransferCommand{Op: "cancel"}, 2201},
	} {
		try.t.Object = "moves.example"
		if _, got := transferring(t, try.c, try.t); got != try.want {
			t.Errorf("%s: %d; want %d", what, got, try.want)
		}
	}

	done := pending
	done.Status = "clientApproved"
	done.Acts = requested
	if got, code := transferring(t, losing, client.TransferCommand{Op: "approve", Object: "moves.example", AuthInfo: "s3cret & <co>"}); code != 1000 || *got != done {
		t.Errorf("approve: %d, %+v", code, got)
	}
	d := must(gaining.InfoDomain(soon(t), "moves.example", "", ""))
	if d.Sponsor != "reg2" || d.Creator != "reg1" || d.Registrant != "jd1234" || d.AuthInfo != "" || !d.Moved.Equal(requested) || !d.Expires.Equal(done.Expires) || slices.Contains(d.Statuses, "pendingTransfer") {
		t.Errorf("afterwards: %+v", d)
	}
	if _, err := losing.UpdateDomain(soon(t), client.DomainUpdate{Name: "moves.example"}); codeOf(err) != 2201 {
		t.Errorf("the losing registrar's update: %v", err)
	}
	if got, _ := transferring(t, losing, client.TransferCommand{Op: "query", Object: "moves.example"}); got == nil || *got != done {
		t.Errorf("the losing registrar's query: %+v", got)
	}
	if _, code := transferring(t, third, client.TransferCommand{Op: "request", Object: "moves.example", AuthInfo: "s3cret & <co>"}); code != 2202 {
		t.Errorf("the old authInfo still opens: %d", code)
	}
}

func codeOf(err error) int {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// The authInfo of the registrant opens the domain, too; and what has changed since it was verified opens nothing.
func TestTransferIsProvenAgainstWhatIsKept(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	furnish(t, losing)
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "moves.example", Registrant: "jd1234", AuthInfo: "s3cret"}))
	roid := must(losing.InfoContact(soon(t), "jd1234", "")).ROID
	request := client.TransferCommand{Op: "request", Object: "moves.example", AuthInfo: "2fooBAR", ROID: roid}
	if _, code := transferring(t, gaining, request); code != 1001 {
		t.Errorf("with the registrant's authInfo: %d", code)
	}
	if _, code := transferring(t, gaining, client.TransferCommand{Op: "cancel", Object: "moves.example"}); code != 1000 {
		t.Errorf("cancel: %d", code)
	}
	// Between verification and the log, the sponsor changes it.
	changed := false
	s.registry.mu.Lock()
	s.registry.before = func(r Request) error {
		if r.Kind == registry.KindDomainTransfer && !changed {
			changed = true
			s.registry.mu.Unlock()
			defer s.registry.mu.Lock()
			other := "0ther"
			if _, err := losing.UpdateDomain(soon(t), client.DomainUpdate{Name: "moves.example", AuthInfo: &other}); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	s.registry.mu.Unlock()
	request.AuthInfo, request.ROID = "s3cret", ""
	if _, code := transferring(t, gaining, request); code != 2202 || !changed {
		t.Errorf("with authInfo that has just been changed: %d", code)
	}
}

func TestDomainTransferWithoutFunds(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, poor := s.login(t, "reg1"), s.login(t, "poor")
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "dear.tld", AuthInfo: "s3cret"}))
	if _, code := transferring(t, poor, client.TransferCommand{Op: "request", Object: "dear.tld", AuthInfo: "s3cret"}); code != 2104 {
		t.Errorf("a request without funds: %d", code)
	}
}

func TestDomainTransferIsProhibited(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	lock := []string{"clientTransferProhibited"}
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "locked.tld", AuthInfo: "s3cret"}))
	must(losing.UpdateDomain(soon(t), client.DomainUpdate{Name: "locked.tld", Add: client.DomainParts{Statuses: lock}}))
	request := client.TransferCommand{Op: "request", Object: "locked.tld", AuthInfo: "s3cret"}
	if _, code := transferring(t, gaining, request); code != 2304 {
		t.Errorf("clientTransferProhibited: %d", code)
	}
	must(losing.UpdateDomain(soon(t), client.DomainUpdate{Name: "locked.tld", Remove: client.DomainParts{Statuses: lock}}))
	s.registry.operate(t, registry.KindDomainUpdate, registry.DomainUpdate{Name: "locked.tld", AddStatuses: registry.ServerTransferProhibited})
	if _, code := transferring(t, gaining, request); code != 2304 {
		t.Errorf("serverTransferProhibited: %d", code)
	}
	s.registry.operate(t, registry.KindDomainUpdate, registry.DomainUpdate{Name: "locked.tld", RemoveStatuses: registry.ServerTransferProhibited})
	if _, code := transferring(t, gaining, request); code != 1001 {
		t.Errorf("unlocked: %d", code)
	}
	// What a pending transfer forbids.
	for what, err := range map[string]error{
		"update": second(losing.UpdateDomain(soon(t), client.DomainUpdate{Name: "locked.tld", Add: client.DomainParts{Statuses: lock}})),
		"renew":  second(losing.RenewDomain(soon(t), "locked.tld", time.UnixMilli(int64(testNow.AddMonths(12))), 1)),
		"delete": second(losing.DeleteDomain(soon(t), "locked.tld")),
	} {
		wantCode(t, what+" while pending", err, 2304)
	}
}

func second[T any](_ T, err error) error { return err }

// Commands that read before they write are refused when they can't.
func TestATransferThatCantBeVerified(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "moves.tld", AuthInfo: "s3cret"}))
	s.registry.mu.Lock()
	s.registry.unreadable = fsm.ErrUnavailable
	s.registry.mu.Unlock()
	for _, op := range []string{"request", "query", "approve"} {
		if _, code := transferring(t, gaining, client.TransferCommand{Op: op, Object: "moves.tld", AuthInfo: "s3cret"}); code != 2400 {
			t.Errorf("%s: %d", op, code)
		}
	}
	_, err := gaining.Poll(soon(t))
	wantCode(t, "poll", err, 2400)
}
