package epp

import (
	"strconv"
	"testing"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// Messages are told in every answer, shown in order, and gone once they are acknowledged.
func TestPoll(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	if m := must(losing.Poll(soon(t))); m != nil {
		t.Errorf("an empty queue has %+v", m)
	}
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "a.tld", AuthInfo: "s3cret"}))
	_, request, err := gaining.TransferDomain(soon(t), client.TransferCommand{Op: "request", Object: "a.tld", AuthInfo: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	_, rejection, err := losing.TransferDomain(soon(t), client.TransferCommand{Op: "reject", Object: "a.tld"})
	if err != nil || rejection.Queue == nil || rejection.Queue.Count != 2 {
		t.Errorf("the losing registrar's answer: %+v, %v", rejection.Queue, err)
	}

	// Every answer tells of the queue: to reads, writes, and to what is refused, whatever for.
	for what, doc := range map[string]string{
		"check":   commandDoc(`<check><domain:check xmlns:domain="` + nsDomain + `"><domain:name>b.tld</domain:name></domain:check></check>`),
		"info":    commandDoc(`<info><domain:info xmlns:domain="` + nsDomain + `"><domain:name>none.tld</domain:name></domain:info></info>`),
		"create":  commandDoc(`<create><domain:create xmlns:domain="` + nsDomain + `"><domain:name>c.tld</domain:name><domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>`),
		"a verb":  commandDoc(`<frob/>`),
		"no XML":  `nonsense`,
		"a login": loginDoc(),
	} {
		if r := send(t, losing, doc); r.Queue == nil || r.Queue.Count != 2 {
			t.Errorf("the answer to %s: %+v", what, r.Queue)
		}
	}

	m := must(losing.Poll(soon(t)))
	if m == nil || m.Count != 2 || m.Text != "Transfer requested." || m.Queued.UnixMilli() != int64(testNow) || m.Transfer == nil || m.Transfer.Status != "pending" ||
		m.Transfer.Requester != "reg2" || m.Transfer.Actor != "reg1" || m.Transfer.Expires.IsZero() || m.Action != nil {
		t.Fatalf("the first message: %+v", m)
	}
	if again := must(losing.Poll(soon(t))); again.ID != m.ID {
		t.Errorf("the first message is %s, and then %s", m.ID, again.ID)
	}
	_, err = gaining.Ack(soon(t), m.ID)
	wantCode(t, "another registrar's message", err, 2303)
	if r := must(losing.Ack(soon(t), m.ID)); r.Code != 1000 || *r.Queue != (client.Queue{Count: 1, ID: m.ID}) {
		t.Errorf("ack: %+v", r)
	}
	_, err = losing.Ack(soon(t), m.ID)
	wantCode(t, "acknowledged twice", err, 2303)
	m = must(losing.Poll(soon(t)))
	if m == nil || m.Count != 1 || m.Text != "Transfer rejected." || m.Transfer.Status != "clientRejected" || m.Transfer.Actor != "reg1" || !m.Transfer.Expires.IsZero() || m.Action != nil {
		t.Errorf("the second message: %+v", m)
	}
	if r := must(losing.Ack(soon(t), m.ID)); r.Code != 1000 || r.Queue != nil {
		t.Errorf("the last ack: %+v", r)
	}
	if m := must(losing.Poll(soon(t))); m != nil {
		t.Errorf("in the end there is %+v", m)
	}

	// For who had requested it, a pending action has ended.
	m = must(gaining.Poll(soon(t)))
	if m == nil || m.Transfer == nil || m.Action == nil || m.Action.Done || m.Action.Object != "a.tld" || m.Action.ClTRID != request.ClTRID || m.Action.SvTRID != request.SvTRID ||
		m.Action.Date.UnixMilli() != int64(testNow) {
		t.Errorf("the gaining registrar's message: %+v, %+v; the request was %s, %s", m, m.Action, request.ClTRID, request.SvTRID)
	}
	must(gaining.Ack(soon(t), m.ID))
}

// Messages may be acknowledged in any order; the first is the oldest that is left.
func TestAcknowledgedOutOfOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "a.tld", AuthInfo: "s3cret"}))
	for _, op := range []string{"request", "cancel", "request"} {
		if _, _, err := gaining.TransferDomain(soon(t), client.TransferCommand{Op: op, Object: "a.tld", AuthInfo: "s3cret"}); err != nil {
			t.Fatal(err)
		}
	}
	var ids []uint64
	if err := s.registry.View(t.Context(), fsm.Local, 0, func(v fsm.View) error {
		v.Messages("reg1", func(m registry.Message) bool { ids = append(ids, m.Number); return true })
		return nil
	}); err != nil || len(ids) != 3 {
		t.Fatalf("%v, %v", ids, err)
	}
	id := func(i int) string { return strconv.FormatUint(ids[i], 10) }
	if r := must(losing.Ack(soon(t), id(1))); r.Queue.Count != 2 || r.Queue.ID != id(1) {
		t.Errorf("the second: %+v", r.Queue)
	}
	if m := must(losing.Poll(soon(t))); m.ID != id(0) || m.Count != 2 {
		t.Errorf("%+v", m)
	}
	must(losing.Ack(soon(t), id(0)))
	if m := must(losing.Poll(soon(t))); m.ID != id(2) || m.Count != 1 {
		t.Errorf("%+v", m)
	}
}

// What the registry does by itself is told: renewal, purge, and the approval of a transfer.
func TestPollTellsWhatTheRegistryDid(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	for _, name := range []string{"old.tld", "moves.tld"} {
		must(losing.CreateDomain(soon(t), client.DomainCreate{Name: name, AuthInfo: "s3cret"}))
	}
	s.registry.wait(t, 6*registry.Day)
	deletion := must(losing.DeleteDomain(soon(t), "old.tld"))
	_, request, err := gaining.TransferDomain(soon(t), client.TransferCommand{Op: "request", Object: "moves.tld", AuthInfo: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	s.registry.wait(t, 36*registry.Day)

	m := must(losing.Poll(soon(t)))
	must(losing.Ack(soon(t), m.ID)) // of the request
	m = must(losing.Poll(soon(t)))
	if m.Text != "Transfer approved." || m.Transfer.Status != "serverApproved" || m.Transfer.Actor != "reg1" || m.Action != nil {
		t.Errorf("the losing registrar's: %+v", m)
	}
	must(losing.Ack(soon(t), m.ID))
	m = must(losing.Poll(soon(t)))
	if m.Text != "Domain deleted." || m.Transfer != nil || m.Action == nil || !m.Action.Done || m.Action.Object != "old.tld" || m.Action.ClTRID != deletion.ClTRID || m.Action.SvTRID != deletion.SvTRID {
		t.Errorf("of the purge: %+v, %+v", m, m.Action)
	}
	must(losing.Ack(soon(t), m.ID))

	m = must(gaining.Poll(soon(t)))
	if m.Text != "Transfer approved." || m.Transfer.Status != "serverApproved" || m.Action == nil || !m.Action.Done || m.Action.SvTRID != request.SvTRID {
		t.Errorf("the gaining registrar's: %+v, %+v", m, m.Action)
	}
	must(gaining.Ack(soon(t), m.ID))
	d := must(gaining.InfoDomain(soon(t), "moves.tld", "", ""))
	if d.Sponsor != "reg2" || !d.Moved.Equal(m.Transfer.Acts) || !d.Expires.Equal(m.Transfer.Expires) {
		t.Errorf("%+v", d)
	}

	s.registry.wait(t, 730*registry.Day)
	m = must(gaining.Poll(soon(t)))
	if m.Text != "Domain was auto-renewed." || m.Object != "moves.tld" || !m.Expires.Equal(d.Expires.AddDate(1, 0, 0)) || m.Action != nil || m.Transfer != nil {
		t.Errorf("of the renewal: %+v", m)
	}
}
