package fsm_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Scenarios are read by people first: testdata/*.txt, explained in testdata/README.md.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			runScenario(t, file)
		})
	}
}

func runScenario(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &scenario{rig: newRig(t)}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		want, hasWant := "", false
		if before, after, ok := strings.Cut(line, "->"); ok {
			line, want, hasWant = before, strings.TrimSpace(after), true
		}
		got, err := s.line(strings.Fields(line))
		if err != nil {
			t.Fatalf("%s:%d: %v", file, n, err)
		}
		if hasWant != (got != "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s:%d: got %q, want %q", file, n, got, want)
		}
		r := s.rig
		r.view(func(v fsm.View) {
			if err := v.Audit(); err != nil {
				t.Errorf("%s:%d: money is not conserved: %v", file, n, err)
			}
		})
	}
	if err := s.rig.m.Verify(); err != nil {
		t.Error(err)
	}
}

type scenario struct{ rig *rig }

// words are a line's arguments: those with = by name, the others in order.
type words struct {
	plain []string
	named map[string]string
}

func split(fields []string) words {
	w := words{named: map[string]string{}}
	for _, f := range fields {
		if k, v, ok := strings.Cut(f, "="); ok {
			w.named[k] = v
		} else {
			w.plain = append(w.plain, f)
		}
	}
	return w
}

func (w words) list(name string) []string {
	if w.named[name] == "" {
		return nil
	}
	return strings.Split(w.named[name], ",")
}

func (w words) optional(name string) *string {
	if v, ok := w.named[name]; ok {
		return &v
	}
	return nil
}

func (w words) number(name string) int64 {
	n, _ := strconv.ParseInt(w.named[name], 10, 64)
	return n
}

// line does what a line says and returns what came of it.
func (s *scenario) line(fields []string) (string, error) {
	w := split(fields)
	switch fields[0] {
	case "time":
		at, err := time.Parse(time.RFC3339, fields[1])
		s.rig.advance(registry.Time(at.UnixMilli()))
		return "", err
	case "tick":
		return s.result(s.rig.do(node("n1"), registry.KindTick, registry.Tick{})), nil
	case "level":
		n, err := strconv.Atoi(fields[1])
		s.rig.raiseTo(registry.Level(n))
		return "", err
	case "policy":
		s.rig.policy(fields[1], w.number("deposit"), fields[2:len(w.plain)]...)
		return "", nil
	case "publish":
		return fmt.Sprint(s.rig.publish(fields[1])), nil
	case "tld":
		return s.tld(w), nil
	case "ds":
		return s.ds(fields[1]), nil
	case "zone":
		return s.zone(fields[1]), nil
	case "show":
		return s.show(fields[1]), nil
	case "contact":
		return s.contact(fields[1]), nil
	case "host":
		return s.host(fields[1]), nil
	case "check":
		return s.check(fields[1]), nil
	case "poll":
		return s.poll(fields[1], w), nil
	case "balance":
		var balance int64
		s.rig.view(func(v fsm.View) { balance = v.Account(registry.RegistrarAccount(fields[1]), "USD").Balance })
		return fmt.Sprint(balance), nil
	}
	actor := registrar(fields[0])
	if fields[0] == "operator" {
		actor = operator
	}
	if len(w.plain) > 2 && w.plain[2] == "transfer" {
		return s.transfer(actor, w)
	}
	if w.plain[1] == "tld" {
		return s.setTLD(actor, w)
	}
	kind, body, err := command(w)
	if err != nil {
		return "", err
	}
	return s.result(s.rig.do(actor, kind, body)), nil
}

func command(w words) (registry.Kind, any, error) {
	name := w.plain[3]
	months := uint16(12*w.number("years") + w.number("months"))
	switch strings.Join(w.plain[1:3], " ") {
	case "contact create":
		return registry.KindContactCreate, registry.ContactCreate{ID: name, AuthInfo: auth(w)}, nil
	case "contact delete":
		return registry.KindContactDelete, registry.ContactDelete{ID: name}, nil
	case "host create":
		return registry.KindHostCreate, registry.HostCreate{Name: name, Addresses: addresses(w.list("addr"))}, nil
	case "contact update":
		u := registry.ContactUpdate{
			ID: name, AddStatuses: statuses(w.list("+status")), RemoveStatuses: statuses(w.list("-status")), Email: w.optional("email"),
		}
		if _, ok := w.named["auth"]; ok {
			a := auth(w)
			u.AuthInfo = &a
		}
		return registry.KindContactUpdate, u, nil
	case "host update":
		return registry.KindHostUpdate, registry.HostUpdate{
			Name: name, AddAddresses: addresses(w.list("+addr")), RemoveAddresses: addresses(w.list("-addr")),
			AddStatuses: statuses(w.list("+status")), RemoveStatuses: statuses(w.list("-status")), NewName: w.named["name"],
		}, nil
	case "host delete":
		return registry.KindHostDelete, registry.HostDelete{Name: name}, nil
	case "registrar model":
		model := map[string]registry.ContactModel{"with": registry.WithContacts, "without": registry.NoContacts}[w.plain[4]]
		return registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: name, Contacts: &model}, nil
	case "domain create":
		return registry.KindDomainCreate, registry.DomainCreate{
			Name: name, Months: months, Registrant: w.named["registrant"], Attributes: attributes(w.list("attr")),
			Contacts: contactsOf(w.list("contacts")), Hosts: w.list("ns"), AuthInfo: auth(w),
			DS: dsOf(w.list("ds")), Keys: keysOf(w.list("key")), MaxSigLife: uint32(w.number("max_sig_life")),
		}, nil
	case "domain renew":
		at, _ := time.Parse(time.DateOnly, w.named["current"])
		return registry.KindDomainRenew, registry.DomainRenew{Name: name, Current: registry.Time(at.UnixMilli()), Months: months}, nil
	case "domain delete":
		return registry.KindDomainDelete, registry.DomainDelete{Name: name}, nil
	case "domain update":
		u := registry.DomainUpdate{
			AddAttributes: attributes(w.list("+attr")), RemoveAttributes: w.list("-attr"),
			Name: name, AddHosts: w.list("+ns"), RemoveHosts: w.list("-ns"),
			AddContacts: contactsOf(w.list("+contacts")), RemoveContacts: contactsOf(w.list("-contacts")),
			AddStatuses: statuses(w.list("+status")), RemoveStatuses: statuses(w.list("-status")),
			AddDS: dsOf(w.list("+ds")), RemoveDS: dsOf(w.list("-ds")), AddKeys: keysOf(w.list("+key")), RemoveKeys: keysOf(w.list("-key")),
			RemoveAllDS: w.named["ds"] == "none", MaxSigLife: seconds(w, "max_sig_life"),
		}
		if r, ok := w.named["registrant"]; ok {
			u.Registrant = &r
		}
		if _, ok := w.named["auth"]; ok {
			a := auth(w)
			u.AuthInfo = &a
		}
		return registry.KindDomainUpdate, u, nil
	}
	return 0, nil, fmt.Errorf("no such command: %s", strings.Join(w.plain, " "))
}

// attributes reads NAME or NAME/ADDRESS/ADDRESS.
func attributes(all []string) (as []registry.HostAttribute) {
	for _, s := range all {
		parts := strings.Split(s, "/")
		as = append(as, registry.HostAttribute{Name: parts[0], Addresses: addresses(parts[1:])})
	}
	return as
}

// setTLD creates or updates a TLD: as the policy line makes them, or as it is, with what the line says.
func (s *scenario) setTLD(actor registry.Actor, w words) (string, error) {
	name := w.plain[3]
	t := defaultTLD(name)
	if zone := w.named["zone"]; zone != "" {
		t.Zone, t.Nameservers, t.SOA, t.TTL = zone, nil, registry.SOA{}, registry.TTLs{}
	}
	if w.plain[2] == "update" {
		s.rig.view(func(v fsm.View) { t, _ = v.TLD(name) })
		t.Name = name
	}
	base := t.LastEvent
	for key, value := range w.named {
		switch key {
		case "zone":
			t.Zone = value
		case "model":
			t.Thick, t.PerRegistrar = strings.HasPrefix(value, "thick"), strings.HasSuffix(value, "unless")
		case "hosts":
			t.HostAttributes = value == "attributes"
		case "required":
			t.RequiredContacts = w.list(key)
		case "refused":
			t.RefusedContacts = w.list(key)
		case "reserved":
			t.Reserved = w.list(key)
		case "price":
			t.CreatePrice = w.number(key)
		case "ttl":
			t.TTL = registry.TTLs{Apex: uint32(w.number(key)), Delegation: uint32(w.number(key)), Glue: uint32(w.number(key))}
		case "refresh":
			t.SOA.Refresh = uint32(w.number(key))
		case "base":
			base += uint64(w.number(key))
		case "ns":
			t.Nameservers = nil
			for _, a := range attributes(w.list(key)) {
				t.Nameservers = append(t.Nameservers, registry.Nameserver(a))
			}
		default:
			return "", fmt.Errorf("no such setting: %s", key)
		}
	}
	if w.plain[2] == "update" {
		return s.result(s.rig.do(actor, registry.KindTLDUpdate, registry.TLDUpdate{TLD: t, Base: base})), nil
	}
	return s.result(s.rig.do(actor, registry.KindTLDCreate, registry.TLDCreate{TLD: t, Unsigned: registry.HighestLevel >= 3})), nil
}

func addresses(all []string) (raw [][]byte) {
	for _, a := range all {
		raw = append(raw, netip.MustParseAddr(a).AsSlice())
	}
	return raw
}

func contactsOf(all []string) (cs []registry.DomainContact) {
	for _, c := range all {
		kind, id, _ := strings.Cut(c, ":")
		cs = append(cs, registry.DomainContact{Type: kind, ID: id})
	}
	return cs
}

func statuses(all []string) (set registry.Statuses) {
	for _, name := range all {
		one, ok := registry.ParseStatus(name)
		if !ok {
			panic("no status " + name)
		}
		set |= one
	}
	return set
}

func (s *scenario) result(r registry.Result) string {
	if r.Fail != nil {
		return fmt.Sprintf("%d %s %s", r.Code, r.Fail.Element, r.Fail.Reason)
	}
	return fmt.Sprint(r.Code)
}

func (s *scenario) show(name string) (text string) {
	s.rig.view(func(v fsm.View) {
		d, ok := v.Domain(name)
		if !ok {
			text = "gone"
			return
		}
		text = fmt.Sprintf("%s expires %s %s", d.Sponsor, d.Expires.String()[:10], strings.Join(v.DomainStatuses(d).Names(), " "))
		for _, g := range d.Grace {
			text += fmt.Sprintf(" %s until %s", [...]string{"", "add", "renew", "autorenew", "transfer"}[g.Kind], g.Ends.String()[:10])
		}
	})
	return text
}

func (s *scenario) host(name string) (text string) {
	s.rig.view(func(v fsm.View) {
		h, ok := v.Host(name)
		if !ok {
			text = "gone"
			return
		}
		text = fmt.Sprintf("%s %s", h.Sponsor, strings.Join(v.HostStatuses(h).Names(), " "))
		for _, a := range h.Addresses {
			ip, _ := netip.AddrFromSlice(a)
			text += " " + ip.String()
		}
	})
	return text
}

func (s *scenario) check(name string) (text string) {
	s.rig.view(func(v fsm.View) {
		if a := v.CheckDomain(name); a.Available {
			text = "available"
		} else {
			text = a.Reason
		}
	})
	return text
}

// zone lists a zone's owners and types, canonically ordered.
func (s *scenario) zone(name string) string {
	var all []string
	types := map[uint16]string{registry.TypeA: "A", registry.TypeAAAA: "AAAA", registry.TypeNS: "NS", registry.TypeSOA: "SOA", 43: "DS"}
	s.rig.view(func(v fsm.View) {
		v.ZoneRRsets(name, func(set registry.RRset) bool {
			all = append(all, fmt.Sprintf("%s/%s%d", strings.TrimSuffix(set.Owner, "."+name), types[set.Type], len(set.Data)))
			return true
		})
	})
	slices.Sort(all)
	return strings.Join(all, " ")
}
