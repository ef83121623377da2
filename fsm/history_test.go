package fsm_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// randomHistory runs a random history of commands against a rig, in random
// batches, with retries, and checks after each batch what must always be true.
func randomHistory(t *testing.T, seed uint64, commands int) *rig {
	rng := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t)
	r.policy("example", 20_000, "reg1", "reg2", "reg3")
	if seed%2 == 0 && registry.HighestLevel >= 3 {
		r.raiseTo(3)
	}
	r.live(t, rng, seed, commands)
	return r
}

// risenHistory is randomHistory at the highest level, where there are transfers and messages.
func risenHistory(t *testing.T, seed uint64, commands int) *rig {
	rng := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t)
	r.policy("example", 20_000, "reg1", "reg2", "reg3")
	r.raiseTo(registry.HighestLevel)
	r.live(t, rng, seed, commands)
	return r
}

// live goes on with a random history.
func (r *rig) live(t *testing.T, rng *rand.Rand, seed uint64, commands int) {
	for done, batches := 0, 1; done < commands; batches++ {
		var batch []registry.Command
		for range 1 + rng.IntN(12) {
			batch = append(batch, randomCommand(r, rng))
			if rng.IntN(10) == 0 {
				batch = append(batch, batch[rng.IntN(len(batch))])
			}
		}
		done += len(batch)
		r.commit(batch...)
		r.view(func(v fsm.View) {
			// The whole ledger is read each time, and keeps what is wrong in it.
			if batches%8 == 0 || done >= commands {
				if err := v.Audit(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			checkLinks(t, v)
			checkQueues(t, v)
			checkTransfers(t, v)
			checkSecDNS(t, v)
		})
		if rng.IntN(4) == 0 {
			r.publish("example")
		}
		step := 20 * registry.Day
		if r.level() >= 3 && rng.IntN(3) > 0 {
			step = registry.Day // or transfers would end by time-out only
		}
		r.advance(r.now + registry.Second + registry.Time(rng.Int64N(int64(step))))
	}
}

func randomCommand(r *rig, rng *rand.Rand) registry.Command {
	pick := func(kind string, n int) string { return fmt.Sprintf("%s%d", kind, rng.IntN(n)) }
	actor := registrar(pick("reg", 4)) // reg0 does not exist
	name := pick("d", 12) + ".example"
	host, abroad := pick("ns", 2)+"."+pick("d", 12)+".example", pick("ns", 2)+".elsewhere.test"
	if rng.IntN(2) == 0 {
		host = pick("ns", 2) + "." + name
	}
	some := func(one string) []string {
		if rng.IntN(2) == 0 {
			return nil
		}
		return []string{one}
	}
	if r.level() >= 3 && rng.IntN(8) == 0 {
		if rng.IntN(16) == 0 {
			return randomTLDUpdate(r, rng)
		}
		return randomUpdate(r, rng, actor, pick("c", 4), host, abroad)
	}
	if r.level() >= 3 && rng.IntN(4) == 0 {
		return randomTransfer(r, rng, actor, name)
	}
	if r.level() >= 3 && rng.IntN(6) == 0 {
		return randomSecDNS(r, rng, actor, name)
	}
	switch rng.IntN(12) {
	case 0:
		return r.command(actor, registry.KindContactCreate, registry.ContactCreate{ID: pick("c", 4), AuthInfo: secret})
	case 1:
		return r.command(actor, registry.KindContactDelete, registry.ContactDelete{ID: pick("c", 4)})
	case 2:
		return r.command(actor, registry.KindHostCreate, registry.HostCreate{Name: host, Addresses: [][]byte{{192, 0, 2, byte(rng.IntN(9))}}})
	case 3:
		return r.command(actor, registry.KindHostCreate, registry.HostCreate{Name: abroad})
	case 4:
		return r.command(actor, registry.KindHostDelete, registry.HostDelete{Name: host})
	case 5:
		return r.command(actor, registry.KindDomainDelete, registry.DomainDelete{Name: name})
	case 6:
		var current registry.Time
		r.view(func(v fsm.View) {
			if d, ok := v.Domain(name); ok {
				current = d.Expires - d.Expires%registry.Day
			}
		})
		return r.command(actor, registry.KindDomainRenew, registry.DomainRenew{Name: name, Current: current, Months: uint16(12 * rng.IntN(4))})
	case 7:
		return r.command(actor, registry.KindDomainUpdate, registry.DomainUpdate{
			Name: name, AddHosts: some(host), RemoveHosts: some(abroad),
			AddContacts: []registry.DomainContact{{Type: "tech", ID: pick("c", 4)}},
		})
	case 8:
		if rng.IntN(2) == 0 {
			return r.command(actor, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AddHosts: []string{host}})
		}
		if rng.IntN(2) == 0 {
			return r.command(actor, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AddStatuses: 1 << rng.IntN(12)})
		}
		return r.command(actor, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, RemoveStatuses: 1 << rng.IntN(5)})
	case 9:
		return r.command(node("n1"), registry.KindTick, registry.Tick{})
	default:
		return r.command(actor, registry.KindDomainCreate, registry.DomainCreate{
			Name: name, Months: uint16(12 * rng.IntN(3)), Registrant: pick("c", 4), Hosts: some(abroad), AuthInfo: secret,
		})
	}
}

// secret is the authorization information of everything in random histories, until a transfer voids it.
var secret = registry.AuthInfo{Sealed: []byte("secret")}

// randomTransfer is a command of those that transfer something or tell of it.
func randomTransfer(r *rig, rng *rand.Rand, actor registry.Actor, name string) registry.Command {
	contact := fmt.Sprintf("c%d", rng.IntN(4))
	pending := ""
	var parties []string
	r.view(func(v fsm.View) {
		v.Domains("example", "", func(d registry.Domain) bool {
			if d.Statuses.Has(registry.PendingTransfer) {
				pending, parties = d.Name, []string{d.Sponsor, d.Transfer.Requester}
			}
			return true
		})
	})
	if pending != "" && rng.IntN(2) == 0 {
		op := registry.TransferOp(1 + rng.IntN(3))
		return r.command(registrar(parties[rng.IntN(2)]), registry.KindDomainTransferEnd, registry.DomainTransferEnd{Name: pending, Op: op})
	}
	switch rng.IntN(8) {
	case 5:
		proof := registry.Proof{Mark: secret.Mark()}
		r.view(func(v fsm.View) { c, _ := v.Contact(contact); proof.Number = c.Number })
		return r.command(actor, registry.KindContactTransfer, registry.ContactTransfer{ID: contact, Proof: proof})
	case 6:
		return r.command(actor, registry.KindContactTransferEnd, registry.ContactTransferEnd{ID: contact, Op: registry.TransferOp(1 + rng.IntN(3))})
	case 7:
		return r.command(actor, registry.KindContactUpdate, registry.ContactUpdate{ID: contact, AuthInfo: &secret})
	case 0, 1, 2:
		proof := registry.Proof{Mark: secret.Mark()}
		r.view(func(v fsm.View) { d, _ := v.Domain(name); proof.Number = d.Number })
		return r.command(actor, registry.KindDomainTransfer, registry.DomainTransfer{Name: name, Months: uint16(12 * rng.IntN(3)), Proof: proof})
	case 3:
		return r.command(actor, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AuthInfo: &secret})
	}
	var m registry.Message
	r.view(func(v fsm.View) { m, _ = v.FirstMessage(actor.Name) })
	return r.command(actor, registry.KindPollAck, registry.PollAck{Number: m.Number})
}

// checkQueues holds what the queues say of themselves against the messages in them.
func checkQueues(t *testing.T, v fsm.View) {
	t.Helper()
	for _, r := range v.Registrars() {
		q := v.Queue(r.ID)
		count, first := uint64(0), uint64(0)
		v.Messages(r.ID, func(m registry.Message) bool {
			if count == 0 {
				first = m.Number
			}
			count++
			return true
		})
		if q.Count != count || q.First != first {
			t.Fatalf("%s has %d messages from %d on, and its queue says %d from %d on", r.ID, count, first, q.Count, q.First)
		}
	}
}

// checkTransfers holds what is pending against what says so, and subordinate hosts against their domains.
func checkTransfers(t *testing.T, v fsm.View) {
	t.Helper()
	v.Domains("example", "", func(d registry.Domain) bool {
		pending := d.Transfer != nil && d.Transfer.Status == registry.TransferPending
		if d.Statuses.Has(registry.PendingTransfer) != pending {
			t.Fatalf("%s is %v, and its transfer %+v", d.Name, d.Statuses.Names(), d.Transfer)
		}
		if d.Transfer != nil && d.Transfer.Status.Approved() && d.Moved != d.Transfer.Acts {
			t.Fatalf("%s was transferred at %v, and its newest transfer is %+v", d.Name, d.Moved, d.Transfer)
		}
		for _, name := range v.Subordinates(d.Name) {
			if h, _ := v.Host(name); h.Sponsor != d.Sponsor {
				t.Fatalf("%s sponsors %s, and %s its host %s", d.Sponsor, d.Name, h.Sponsor, name)
			}
		}
		return true
	})
}

// checkLinks holds what is linked against what links.
func checkLinks(t *testing.T, v fsm.View) {
	t.Helper()
	v.Domains("example", "", func(d registry.Domain) bool {
		for _, n := range d.Hosts {
			if h := v.HostByNumber(n); !v.HostStatuses(h).Has(registry.Linked) {
				t.Fatalf("%s refers to %s, which isn't linked", d.Name, h.Name)
			}
		}
		c, ok := v.Contact(d.Registrant)
		if !ok || !v.ContactStatuses(c).Has(registry.Linked) {
			t.Fatalf("%s names contact %q, which isn't there or isn't linked", d.Name, d.Registrant)
		}
		return true
	})
}

// The same log, however it is cut into batches and wherever a node restarts
// with entries it has seen before, gives the same keys and values.
func TestOneLogGivesOneState(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			history := randomHistory
			if seed%2 == 1 {
				history = risenHistory
			}
			r := history(t, seed, 400)
			want := dump(r.m)
			if err := r.m.Verify(); err != nil {
				t.Error(err)
			}
			rng := rand.New(rand.NewPCG(seed, 1))
			for _, largest := range []int{1, 7, len(r.entries)} {
				other := openMachine(t)
				for i := 0; i < len(r.entries); {
					n := min(1+rng.IntN(largest), len(r.entries)-i)
					again := rng.IntN(min(i, 3) + 1) // what a restart replays
					if _, err := other.Apply(r.entries[i-again : i+n]); err != nil {
						t.Fatal(err)
					}
					i += n
				}
				if got := dump(other); got != want {
					t.Errorf("batches of up to %d: states differ", largest)
				}
				a, _ := r.m.Position()
				b, _ := other.Position()
				if a != b {
					t.Errorf("batches of up to %d: positions %v and %v differ", largest, a, b)
				}
			}
		})
	}
}

func dump(m *fsm.Machine) string {
	var all strings.Builder
	_ = m.View(func(v fsm.View) error {
		return v.Rows(func(table string, key, value []byte) error {
			fmt.Fprintf(&all, "%s %x %x\n", table, key, value)
			return nil
		})
	})
	return all.String()
}

// What was published is what a zone computed from nothing would be.
func TestTheZoneFollowsTheRegistry(t *testing.T) {
	t.Parallel()
	signed := 0
	for seed := range uint64(4) {
		history := randomHistory
		if seed%2 == 1 {
			history = risenHistory
		}
		r := history(t, 100+seed, 300)
		for before := uint32(0); ; {
			serial := r.publish("example")
			if serial == before {
				break
			}
			before = serial
		}
		published, needed := map[string]int{}, map[string]bool{}
		r.view(func(v fsm.View) {
			wantGlue(t, v, "example", true)
			v.ZoneRRsets("example", func(s registry.RRset) bool {
				published[fmt.Sprint(s.Owner, s.Type)] = len(s.Data)
				return true
			})
			v.Domains("example", "", func(d registry.Domain) bool {
				delegated := len(d.Hosts) > 0 && !d.Statuses.Has(registry.AnyHold|registry.PendingDelete)
				if n := published[fmt.Sprint(d.Name, registry.TypeNS)]; delegated && n != len(d.Hosts) || !delegated && n != 0 {
					t.Errorf("seed %d: %s has %d name servers in the zone, %d in the registry, delegated: %v", seed, d.Name, n, len(d.Hosts), delegated)
				}
				if n := published[fmt.Sprint(d.Name, 43)]; delegated && n != len(d.DS) || !delegated && n != 0 {
					t.Errorf("seed %d: %s has %d DS records in the zone, %d in the registry, delegated: %v", seed, d.Name, n, len(d.DS), delegated)
				}
				signed += len(d.DS)
				if !delegated {
					return true
				}
				for _, number := range d.Hosts {
					h := v.HostByNumber(number)
					key := fmt.Sprint(h.Name, registry.TypeA)
					if strings.HasSuffix(h.Name, ".example") && published[key] != len(h.Addresses) {
						t.Errorf("seed %d: glue of %s is missing", seed, h.Name)
					}
					needed[key] = true
				}
				return true
			})
			for key, n := range published {
				if n > 0 && !needed[key] && strings.HasSuffix(key, "example1") && !strings.HasPrefix(key, "ns1.nic.") {
					t.Errorf("seed %d: glue %s is needed by nobody", seed, key)
				}
			}
		})
	}
	if signed == 0 && registry.HighestLevel >= 3 {
		t.Error("no domain with DS records was tried")
	}
}

// IXFR must lead from any kept serial to the present zone.
func TestTheJournalLeadsToTheZone(t *testing.T) {
	t.Parallel()
	r := randomHistory(t, 7, 300)
	r.publish("example")
	r.view(func(v fsm.View) {
		zone := map[string]registry.RRset{}
		all, ok := v.Journal("example", 0)
		if !ok || len(all) < 5 {
			t.Fatalf("a journal of %d publications, whole: %v", len(all), ok)
		}
		for _, p := range all {
			for _, s := range p.Removed {
				delete(zone, fmt.Sprint(s.Owner, s.Type))
			}
			for _, s := range p.Added {
				zone[fmt.Sprint(s.Owner, s.Type)] = s
			}
		}
		v.ZoneRRsets("example", func(s registry.RRset) bool {
			key := fmt.Sprint(s.Owner, s.Type)
			if got := zone[key]; !bytes.Equal(bytes.Join(got.Data, nil), bytes.Join(s.Data, nil)) {
				t.Errorf("the journal leads to other records at %s", key)
			}
			delete(zone, key)
			return true
		})
		if len(zone) > 0 {
			t.Errorf("the journal leaves %d RRsets that the zone doesn't have", len(zone))
		}
		if _, ok := v.Journal("example", 1<<31); ok {
			t.Error("a journal from a serial that never was")
		}
	})
}
