package admin

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

func TestPeriods(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"120h": "120h", "0": "0s", "0s": "0s", "90m": "1h30m", "1h0m5s": "1h0m5s", "10s": "10s", "60m": "1h", "1500ms": "1.5s", "20m": "20m", "10h10m": "10h10m",
	} {
		p, err := parsePeriod("x", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		d, _ := time.ParseDuration(text)
		if p != registry.Time(d.Milliseconds()) || formatPeriod(p) != want {
			t.Errorf("%s: got %d ms, shown as %s, want %s", text, p, formatPeriod(p), want)
		}
	}
	for _, text := range []string{"", "5", "5d", "-1h", "1us", "1000000h", "9999999999999h"} {
		if p, err := parsePeriod("x", text); err == nil {
			t.Errorf("%q is taken for %d ms", text, p)
		}
	}
}

func TestRingKeepsTheNewest(t *testing.T) {
	t.Parallel()
	for added := range 12 {
		r := newRing[int](5)
		var want []int
		for i := range added {
			r.add(i)
			want = append(want, i)
		}
		want = want[max(0, added-5):]
		if got := r.all(); !slices.Equal(got, want) {
			t.Errorf("after %d: got %v, want %v", added, got, want)
		}
	}
}

func TestIncidentIsShown(t *testing.T) {
	t.Parallel()
	got := showIncident(fsm.Incident{Index: 7, Time: registry.DateOf(2026, 2, 3), ID: registry.CommandID{Node: "site1", Epoch: 2, Sequence: 9}, Kind: registry.KindDomainCreate})
	want := Incident{Index: 7, Time: "2026-02-03T00:00:00.000Z", ID: "site1-2-9", Kind: 30}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPasswordIsNotLogged(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("registrar", "registrar", Registrar{ID: "reg1", Password: "secret-1"})
	if strings.Contains(out.String(), "secret-1") || !strings.Contains(out.String(), "reg1") {
		t.Errorf("logged: %s", out.String())
	}
}

// FuzzTLD holds what a front door accepts as a TLD against what the state machine relies on.
func FuzzTLD(f *testing.F) {
	f.Add([]byte(`{"name":"example","nameservers":[{"name":"ns1.nic.example","addresses":["192.0.2.1","2001:db8::1"]}]}`))
	f.Add([]byte(`{"name":"Shop.","model":"thin","currency":"jpy","create_price":"800","max_years":3,"add_grace":"0s","reserved":[],"nameservers":[{"name":"ns1.example"}]}`))
	f.Add([]byte(`{"name":"x","create_price":"99999999999","nameservers":[{"name":"ns.x","addresses":["::ffff:1.2.3.4"]}],"soa":{"refresh":4294967295}}`))
	f.Add([]byte(`{"name":"co.example","zone":"example","hosts":"attributes","secdns":{"interface":"keyData","max_records":3},"required_contacts":["tech","admin"],"per_registrar":true}`))
	f.Add([]byte(`{"name":"x","nameservers":[{"name":"ns.elsewhere"}],"transfer_price":"1","transfer_wait":"1h","transfer_grace":"0s","refused_contacts":["billing"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var wanted TLD
		if json.Unmarshal(body, &wanted) != nil {
			return
		}
		r, err := wanted.registry(registry.TLD{})
		if err != nil {
			requireFailure(t, err)
			return
		}
		years := int64(r.MaxYears)
		switch {
		case !registry.ValidName(r.Name), r.Zone == "" && (!registry.ValidName(r.SOA.MName) || !registry.ValidName(r.SOA.RName)),
			r.Zone != "" && (!registry.ValidName(r.Zone) || r.SOA != registry.SOA{} || len(r.Nameservers) > 0):
			t.Errorf("invalid name in %+v", r)
		case years < 1 || years > registry.MaxYears || len(r.Currency) != 3:
			t.Errorf("invalid policy in %+v", r)
		case r.CreatePrice < 0 || r.CreatePrice*years/years != r.CreatePrice || r.RenewPrice < 0 || r.RenewPrice*years/years != r.RenewPrice:
			t.Errorf("prices that overflow in %+v", r)
		case r.AddGrace < 0 || r.RenewGrace < 0 || r.AutoRenewGrace < 0 || r.DeleteDelay < 0:
			t.Errorf("negative period in %+v", r)
		}
		for _, ns := range r.Nameservers {
			if inZone := strings.HasSuffix(ns.Name, "."+r.Name); !registry.ValidName(ns.Name) || inZone != (len(ns.Addresses) > 0) {
				t.Errorf("invalid name server %+v in %s", ns, r.Name)
			}
		}
		var back registry.TLD
		if err := store.Decode(store.Encode(r), &back); err != nil {
			t.Errorf("no canonical form: %v", err)
		}
	})
}

// FuzzRegistrar holds what a front door accepts as a registrar against what keys and the public rely on.
func FuzzRegistrar(f *testing.F) {
	f.Add([]byte(`{"id":"reg1","name":"Registrar","password":"secret-1","certificates":["aa"],"country":"SE","city":"Malmö"}`))
	f.Add([]byte(`{"id":"a\u0000b","name":"x","password":"secret-1"}`))
	f.Add([]byte(`{"id":"reg1","name":"x","password":"secret-1","url":"javascript:1","abuse_phone":"+1.5","abuse_email":"a@b.example","whois":"WHOIS.example."}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var wanted Registrar
		if json.Unmarshal(body, &wanted) != nil {
			return
		}
		r, err := wanted.registry()
		if err != nil {
			requireFailure(t, err)
			return
		}
		if strings.ContainsRune(r.ID, 0) || len(r.ID) < 3 || len(r.ID) > 16 || r.Password != "" {
			t.Errorf("id %q, password %q", r.ID, r.Password)
		}
		for _, s := range []string{r.Name, r.URL, r.Whois, r.RDAP, r.AbuseEmail, r.AbusePhone, r.Email, r.Voice.Number} {
			if len(s) > maxText || strings.ContainsAny(s, "\r\n\x00") {
				t.Errorf("unfit for one line: %q", s)
			}
		}
		for _, p := range r.Postal {
			if p.Type == "int" && !ascii(p.Name+p.City+p.Province+p.PostalCode+strings.Join(p.Street, "")) {
				t.Errorf("not international: %+v", p)
			}
		}
	})
}

func requireFailure(t *testing.T, err error) {
	t.Helper()
	var fail *registry.Failure
	if !errors.As(err, &fail) || statusOf(fail.Code) != 400 {
		t.Errorf("refused with %v, which is not the caller's fault", err)
	}
}
