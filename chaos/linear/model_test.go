package linear

import (
	"strings"
	"testing"
	"time"
)

// Hand-written histories: what each client did, when it called and when it was answered, and what is wrong with it.

const (
	domain = "a.example"
	other  = "b.example"
	price  = 800
)

var born = time.Date(2026, 3, 1, 12, 0, 0, 250e6, time.UTC).UnixMilli()

func after(years int) int64 { return addYears(born, years) }

// at is an operation from call to answer; an answer at 0 is none.
func at(call, answer int64, op Op) *Op {
	op.Call, op.Return = call, answer
	if op.Name == "" && op.Kind != Balance && op.Kind != LocalBalance && op.Kind != Deposit && op.Kind != Serial {
		op.Name = domain
	}
	if op.Site == "" {
		op.Site = "site1"
	}
	switch {
	case answer == 0:
		op.Outcome, op.Seen = Unknown, nil
	case op.Code != 0:
		op.Outcome, op.Seen = Refused, nil
	default:
		op.Outcome = OK
	}
	return &op
}

func create(by string) Op {
	return Op{Kind: Create, Actor: by, Years: 1, Seen: &Domain{Created: born, Expires: after(1)}}
}

func renew(by string, from int) Op {
	return Op{Kind: Renew, Actor: by, Years: 1, Current: date(after(from)), Seen: &Domain{Expires: after(from + 1)}}
}

func update(by string, add, remove Set) Op {
	return Op{Kind: Update, Actor: by, Add: add, Remove: remove}
}

func remove(by string) Op { return Op{Kind: Delete, Actor: by} }

// info shows the domain as it is after its create, and what differs.
func info(by string, differs ...func(*Domain)) Op {
	d := Domain{ROID: "D1", Sponsor: "reg1", Created: born, Expires: after(1)}
	for _, f := range differs {
		f(&d)
	}
	return Op{Kind: Info, Actor: by, Seen: &d}
}

func expires(years int) func(*Domain)   { return func(d *Domain) { d.Expires = after(years) } }
func updated(later int64) func(*Domain) { return func(d *Domain) { d.Updated = born + later } }
func status(s Set) func(*Domain)        { return func(d *Domain) { d.Statuses = s } }
func hosts(s Set) func(*Domain)         { return func(d *Domain) { d.Hosts = s } }

func code(n int, op Op) Op { op.Code = n; return op }

// in is an operation of a session.
func in(session int, op Op) Op { op.Session = session; return op }

// view is a read of a replica, at a site, of what an info shows, or of nothing.
func view(kind Kind, site string, shown ...func(*Domain)) Op {
	op := info("", shown...)
	op.Kind, op.Site, op.Seen.Sponsor = kind, site, ""
	return op
}

func nothing(kind Kind, site string) Op { return Op{Kind: kind, Site: site} }

func balance(amount int64) Op { return Op{Kind: Balance, Actor: "reg1", Amount: amount} }

func TestHistories(t *testing.T) {
	t.Parallel()
	const name, account = domain + ", linearizable", "account reg1, linearizable"
	hold, lock := Set("clientHold"), Set("clientDeleteProhibited")
	for _, row := range []struct {
		title string
		ops   []*Op
		wrong string // the beginning of the one violation; "" for none
	}{
		{"a life", []*Op{
			at(1, 2, code(2303, info("reg2"))), at(3, 4, create("reg1")), at(5, 6, info("reg2")), at(7, 8, renew("reg1", 1)), at(9, 10, info("reg2", expires(2), updated(5))),
			at(11, 12, remove("reg1")), at(13, 14, code(2303, info("reg2"))), at(15, 16, create("reg2")),
		}, ""},
		{"two creates at once", []*Op{at(1, 5, create("reg1")), at(2, 4, code(2302, create("reg2")))}, ""},
		{"sold twice", []*Op{at(1, 5, create("reg1")), at(2, 6, create("reg2"))}, name},
		{"refused for what came later", []*Op{at(1, 2, code(2302, create("reg2"))), at(3, 4, create("reg1"))}, name},
		{"lost", []*Op{at(1, 2, create("reg1")), at(3, 4, code(2303, info("reg1")))}, name},
		{"seen before it was asked for", []*Op{at(1, 2, info("reg2")), at(3, 4, create("reg1"))}, name},
		{"seen while it was asked for", []*Op{at(2, 4, info("reg2")), at(1, 5, create("reg1"))}, ""},
		{"seen, then not yet", []*Op{at(1, 9, create("reg1")), at(2, 3, info("reg2")), at(4, 5, code(2303, info("reg1")))}, name},

		{"unanswered, and done", []*Op{at(1, 0, create("reg1")), at(3, 4, info("reg1"))}, ""},
		{"unanswered, and done late", []*Op{at(1, 0, create("reg1")), at(3, 4, code(2303, info("reg1"))), at(5, 6, info("reg1"))}, ""},
		{"an unanswered create excuses no loss", []*Op{at(1, 0, create("reg1")), at(3, 4, create("reg2")), at(5, 6, code(2303, info("reg2")))}, name},
		{"unanswered, never done, and its like done by another", []*Op{at(1, 0, create("reg1")), at(3, 4, create("reg2")), at(5, 6, renew("reg2", 1))}, ""},
		{"unanswered, done, and undone by nobody", []*Op{at(1, 0, create("reg1")), at(3, 4, info("reg1")), at(5, 6, code(2303, info("reg1")))}, name},
		{"unanswered, done before it was asked", []*Op{at(1, 2, info("reg1")), at(3, 0, create("reg1"))}, name},
		{"an unanswered create is renewed by its date", []*Op{at(1, 0, create("reg1")), at(3, 4, renew("reg1", 1)), at(5, 6, info("reg1", expires(2), updated(1)))}, ""},
		{"an unanswered create is renewed by another date", []*Op{
			at(1, 0, create("reg1")), at(3, 4, Op{Kind: Renew, Actor: "reg1", Years: 1, Current: date(after(3)), Seen: &Domain{Expires: after(2)}}),
		}, name},
		{"executed twice: refused by its own first execution", []*Op{at(1, 2, code(2302, create("reg1"))), at(3, 4, info("reg1"))}, name},
		{"executed twice: a year too many", []*Op{at(1, 2, create("reg1")), at(3, 4, renew("reg1", 1)), at(5, 6, info("reg1", expires(3), updated(1)))}, name},
		{"refused with 2400, and done", []*Op{at(1, 2, code(2400, create("reg1"))), at(3, 4, info("reg1"))}, name},
		{"refused with 2400", []*Op{at(1, 2, code(2400, create("reg1"))), at(3, 4, create("reg2"))}, ""},

		{"an unanswered renew, done or not", []*Op{at(1, 2, create("reg1")), at(3, 0, renew("reg1", 1)), at(5, 6, renew("reg1", 1))}, ""},
		{"an unanswered renew, done: the date is another", []*Op{at(1, 2, create("reg1")), at(3, 0, renew("reg1", 1)), at(5, 6, code(2306, renew("reg1", 1)))}, ""},
		{"the date is another, and nobody changed it", []*Op{at(1, 2, create("reg1")), at(5, 6, code(2306, renew("reg1", 1)))}, name},
		{"renewed with a wrong date", []*Op{at(1, 2, create("reg1")), at(3, 4, renew("reg1", 2))}, name},
		{"registered for longer than can be", []*Op{at(1, 2, create("reg1")), at(3, 4, code(2105, Op{Kind: Renew, Actor: "reg1", Years: 10, Current: date(after(1))}))}, ""},
		{"not longer than can be", []*Op{at(1, 2, create("reg1")), at(3, 4, code(2105, Op{Kind: Renew, Actor: "reg1", Years: 9, Current: date(after(1))}))}, name},

		{"a hold", []*Op{
			at(1, 2, create("reg1")), at(3, 4, update("reg1", hold, "")), at(5, 6, info("reg1", status(hold), updated(7))), at(7, 8, code(2306, update("reg1", hold, ""))),
			at(9, 10, update("reg1", "", hold)), at(11, 12, code(2306, update("reg1", "", hold))),
		}, ""},
		{"an answered update isn't seen", []*Op{at(1, 2, create("reg1")), at(3, 4, update("reg1", hold, "")), at(5, 6, info("reg2"))}, name},
		{"an update that left no time", []*Op{at(1, 2, create("reg1")), at(3, 4, update("reg1", hold, "")), at(5, 6, info("reg2", status(hold)))}, name},
		{"a lock", []*Op{at(1, 2, create("reg1")), at(3, 4, update("reg1", lock, "")), at(5, 6, code(2304, remove("reg1"))), at(7, 8, update("reg1", "", lock)), at(9, 10, remove("reg1"))}, ""},
		{"a lock that doesn't hold", []*Op{at(1, 2, create("reg1")), at(3, 4, update("reg1", lock, "")), at(5, 6, remove("reg1"))}, name},
		{"a lock on updates goes by itself only", []*Op{
			at(1, 2, create("reg1")), at(3, 4, update("reg1", "clientUpdateProhibited", "")), at(5, 6, code(2304, update("reg1", hold, ""))),
			at(7, 8, code(2304, update("reg1", hold, "clientUpdateProhibited"))), at(9, 10, update("reg1", "", "clientUpdateProhibited")), at(11, 12, update("reg1", hold, "")),
		}, ""},
		{"not the sponsor", []*Op{at(1, 2, create("reg1")), at(3, 4, code(2201, remove("reg2"))), at(5, 6, code(2201, renew("reg2", 1)))}, ""},
		{"a stranger's update", []*Op{at(1, 2, create("reg1")), at(3, 4, update("reg2", hold, ""))}, name},
		{"two truths about the creation", []*Op{
			at(1, 2, create("reg1")), at(3, 4, info("reg2")), at(5, 6, info("reg2", func(d *Domain) { d.Created++ })),
		}, name},
		{"another object of the same name", []*Op{at(1, 2, create("reg1")), at(3, 4, info("reg2")), at(5, 6, info("reg2", func(d *Domain) { d.ROID = "D2" }))}, name},
		{"another name doesn't matter", []*Op{at(1, 2, create("reg1")), at(3, 4, Op{Kind: Create, Actor: "reg2", Name: other, Years: 1, Seen: &Domain{Created: born, Expires: after(1)}})}, ""},

		{"a session sees what it did", []*Op{at(1, 2, in(1, create("reg1"))), at(3, 4, in(1, nothing(Check, "site2")))}, domain + ", session 1"},
		{"another session may be late", []*Op{at(1, 2, in(1, create("reg1"))), at(3, 4, in(2, nothing(Check, "site2")))}, ""},
		{"a session doesn't see what will be", []*Op{at(1, 2, in(2, Op{Kind: Check, Seen: &Domain{}})), at(3, 4, in(1, create("reg1")))}, domain + ", session 2"},
		{"a session doesn't go back", []*Op{at(1, 2, in(1, create("reg1"))), at(3, 4, in(2, Op{Kind: Check, Seen: &Domain{}})), at(5, 6, in(2, nothing(Check, "site1")))}, domain + ", session 2"},
		{"a session may see what others did after it", []*Op{
			at(1, 2, in(1, create("reg1"))), at(3, 4, in(2, remove("reg1"))), at(5, 6, in(1, nothing(Check, "site1"))), at(7, 8, in(3, Op{Kind: Check, Seen: &Domain{}})),
		}, ""},

		{"late replicas", []*Op{
			at(1, 2, create("reg1")), at(3, 4, renew("reg1", 1)), at(5, 6, remove("reg1")),
			at(7, 8, nothing(WHOIS, "site1")), at(9, 10, view(RDAP, "site1")), at(11, 12, view(WHOIS, "site1", expires(2), updated(9))), at(13, 14, nothing(RDAP, "site1")),
			at(7, 8, view(RDAP, "site2")), at(9, 10, nothing(RDAP, "site2")),
		}, ""},
		{"a replica goes back", []*Op{
			at(1, 2, create("reg1")), at(3, 4, renew("reg1", 1)), at(5, 6, view(RDAP, "site1", expires(2), updated(9))), at(7, 8, view(WHOIS, "site1")),
		}, domain + ", WHOIS and RDAP at site1"},
		{"a replica shows what never was", []*Op{at(1, 2, create("reg1")), at(3, 4, view(RDAP, "site3", expires(2)))}, domain + ", WHOIS and RDAP at site3"},
		{"a replica shows what is yet to be", []*Op{at(1, 2, view(RDAP, "site3")), at(3, 4, create("reg1"))}, domain + ", WHOIS and RDAP at site3"},
		{"WHOIS has seconds only", []*Op{at(1, 2, create("reg1")), at(3, 4, view(WHOIS, "site1", func(d *Domain) { d.Created, d.Expires = d.Created/1000*1000, d.Expires/1000*1000 }))}, ""},

		{"a delegation comes and goes", []*Op{
			at(1, 2, create("reg1")), at(3, 4, Op{Kind: Update, Actor: "reg1", AddHosts: "ns1.test"}), at(5, 6, update("reg1", hold, "")),
			at(3, 7, nothing(DNS, "site1")), at(8, 9, view(DNS, "site1", hosts("ns1.test"))), at(10, 11, nothing(DNS, "site1")),
		}, ""},
		{"a delegation comes back", []*Op{
			at(1, 2, create("reg1")), at(3, 4, Op{Kind: Update, Actor: "reg1", AddHosts: "ns1.test"}), at(5, 6, update("reg1", hold, "")),
			at(8, 9, view(DNS, "site1", hosts("ns1.test"))), at(10, 11, nothing(DNS, "site1")), at(12, 13, view(DNS, "site1", hosts("ns1.test"))),
		}, domain + ", DNS at site1"},
		{"serials rise", []*Op{at(1, 2, Op{Kind: Serial, Serial: 5}), at(3, 4, Op{Kind: Serial, Serial: 5}), at(3, 4, Op{Kind: Serial, Serial: 4, Site: "site2"}), at(5, 6, Op{Kind: Serial, Serial: 7})}, ""},
		{"a serial falls", []*Op{at(1, 2, Op{Kind: Serial, Serial: 5}), at(3, 4, Op{Kind: Serial, Serial: 4})}, "zone, DNS at site1"},

		{"money", []*Op{
			at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 6, balance(9200)), at(7, 8, renew("reg1", 1)), at(9, 10, balance(8400)), at(11, 12, remove("reg1")), at(13, 14, balance(10000)),
		}, ""},
		{"money of another", []*Op{at(1, 2, balance(10000)), at(3, 4, create("reg2")), at(5, 6, balance(10000))}, ""},
		{"a debit without a create", []*Op{at(1, 2, balance(10000)), at(3, 4, code(2400, create("reg1"))), at(5, 6, balance(9200))}, account},
		{"a create without a debit", []*Op{at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 6, balance(10000))}, account},
		{"debited twice", []*Op{at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 6, balance(8400))}, account},
		{"a refund that isn't there", []*Op{at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 6, remove("reg1")), at(7, 8, balance(9200))}, account},
		{"paid while asked", []*Op{at(1, 2, balance(10000)), at(3, 8, create("reg1")), at(4, 5, balance(10000)), at(6, 7, balance(9200))}, ""},
		{"paid, and then not", []*Op{at(1, 2, balance(10000)), at(3, 8, create("reg1")), at(4, 5, balance(9200)), at(6, 7, balance(10000))}, account},
		{"an unanswered create, paid late", []*Op{at(1, 2, balance(10000)), at(3, 0, create("reg1")), at(5, 6, balance(10000)), at(7, 8, balance(9200))}, ""},
		{"an unanswered delete, paid back", []*Op{at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 0, remove("reg1")), at(7, 8, balance(9200)), at(9, 10, balance(10000))}, ""},
		{"deposits", []*Op{
			at(1, 2, balance(0)), at(3, 4, Op{Kind: Deposit, Actor: "reg1", Amount: 500}), at(5, 0, Op{Kind: Deposit, Actor: "reg1", Amount: 300}), at(7, 8, balance(500)), at(9, 10, balance(800)),
		}, ""},
		{"too little money", []*Op{at(1, 2, balance(799)), at(3, 4, code(2104, create("reg1")))}, ""},
		{"enough money", []*Op{at(1, 2, balance(800)), at(3, 4, code(2104, create("reg1")))}, account},
		{"below nought", []*Op{at(1, 2, balance(799)), at(3, 4, create("reg1"))}, account},
		{"a late balance", []*Op{
			at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 6, Op{Kind: LocalBalance, Actor: "reg1", Amount: 10000}), at(7, 8, Op{Kind: LocalBalance, Actor: "reg1", Amount: 9200}),
		}, ""},
		{"a balance that never was", []*Op{at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 6, Op{Kind: LocalBalance, Actor: "reg1", Amount: 9999})}, "account reg1, admin API at site1"},
		{"a balance that goes back", []*Op{
			at(1, 2, balance(10000)), at(3, 4, create("reg1")), at(5, 6, Op{Kind: LocalBalance, Actor: "reg1", Amount: 9200}), at(7, 8, Op{Kind: LocalBalance, Actor: "reg1", Amount: 10000}),
		}, "account reg1, admin API at site1"},
	} {
		t.Run(row.title, func(t *testing.T) {
			t.Parallel()
			h := &History{Names: []string{domain, other}, CreatePrice: price, RenewPrice: price, Ops: row.ops}
			for i, op := range h.Ops {
				op.Client = i
				if err := h.valid(op); err != nil {
					t.Fatalf("%s: %v", op, err)
				}
			}
			found := h.Check()
			switch {
			case row.wrong == "" && len(found) > 0:
				t.Errorf("found %v", found)
			case row.wrong != "" && (len(found) != 1 || !strings.HasPrefix(found[0].String(), row.wrong+": ")):
				t.Errorf("found %v, not just: %s", found, row.wrong)
			}
		})
	}
}

func TestLeapDays(t *testing.T) {
	t.Parallel()
	day := func(text string) int64 {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d.UnixMilli()
	}
	for _, row := range []struct {
		from  string
		years int
		want  string
	}{{"2028-02-29", 1, "2029-02-28"}, {"2028-02-29", 4, "2032-02-29"}, {"2027-02-28", 1, "2028-02-28"}, {"2026-12-31", 1, "2027-12-31"}} {
		if got := date(addYears(day(row.from), row.years)); got != row.want {
			t.Errorf("%s and %d years is %s, not %s", row.from, row.years, got, row.want)
		}
	}
}

func TestSets(t *testing.T) {
	t.Parallel()
	s := NewSet("b", "a", "b")
	more, ok := s.plus("c")
	if s != "a b" || !ok || more != "a b c" {
		t.Errorf("%q, %q", s, more)
	}
	if _, ok := s.plus("a"); ok {
		t.Error("a word was added twice")
	}
	if rest, ok := more.minus("c a"); !ok || rest != "b" {
		t.Errorf("%q", rest)
	}
	if _, ok := s.minus("c"); ok {
		t.Error("a word was removed that wasn't there")
	}
}
