package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"quorate/chaos/cluster"
	"quorate/epp/client"
)

// contactID is the contact, and nameservers are the hosts, that all domains refer to.
const contactID = "linear-1"

var nameservers = []string{"ns1.linear.test", "ns2.linear.test"}

// statuses are what the clients set and remove.
var statuses = []string{"clientDeleteProhibited", "clientHold", "clientRenewProhibited", "clientUpdateProhibited"}

// registrant is an EPP client that registers, changes and deletes the same few
// names as all the others, with one command at a time.
type registrant struct {
	cluster   *cluster.Cluster
	record    *recorder
	names     []string
	client    int
	registrar string
	random    *rand.Rand
	sessions  func() int // numbers for new sessions

	conn    *client.Client // nil: no session
	site    string
	session int
	left    int                // commands until the session ends
	seen    map[string]*Domain // by name, as last told; nil: not there
}

// work sends commands until ctx ends, and waits for the last answer.
func (r *registrant) work(ctx context.Context) {
	r.seen = map[string]*Domain{}
	for pause(ctx, time.Duration(r.random.Int64N(int64(think)))) {
		if !r.connect(ctx) {
			continue
		}
		r.send(r.choose())
	}
	r.hangUp()
}

// connect begins a session at some site if there is none.
func (r *registrant) connect(ctx context.Context) bool {
	if r.conn != nil && r.left > 0 {
		r.left--
		return true
	}
	r.hangUp()
	sites := r.cluster.Sites()
	r.site = sites[r.random.IntN(len(sites))]
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	conn, err := r.cluster.Login(ctx, r.site, r.registrar)
	if err != nil {
		return false // a dead site, or the end
	}
	r.conn, r.session, r.left = conn, r.sessions(), 1+r.random.IntN(sessionLength)
	return true
}

func (r *registrant) hangUp() {
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
}

// choose makes up the next command. What it believes of the name may be out of date: that is the point.
func (r *registrant) choose() *Op {
	op := &Op{Actor: r.registrar, Name: r.names[r.random.IntN(len(r.names))]}
	believed := r.seen[op.Name]
	switch n := r.random.IntN(100); {
	case n < 30:
		op.Kind = Info
	case n < 40:
		op.Kind = Check
	case n < 58 || believed == nil:
		op.Kind, op.Years = Create, 1+r.random.IntN(3)
		op.AddHosts = NewSet(nameservers[:r.random.IntN(len(nameservers)+1)]...)
	case n < 74:
		op.Kind, op.Years, op.Current = Renew, 1+r.random.IntN(2), date(believed.Expires)
	case n < 88:
		r.chooseUpdate(op, believed)
	default:
		op.Kind = Delete
	}
	return op
}

func (r *registrant) chooseUpdate(op *Op, believed *Domain) {
	op.Kind = Update
	if r.random.IntN(2) == 0 {
		host := NewSet(nameservers[r.random.IntN(len(nameservers))])
		op.AddHosts = host
		if believed.Hosts.has(string(host)) {
			op.AddHosts, op.RemoveHosts = "", host
		}
		return
	}
	status := NewSet(statuses[r.random.IntN(len(statuses))])
	op.Add = status
	if believed.Statuses.has(string(status)) {
		op.Add, op.Remove = "", status
	}
}

// send sends a command and notes what became of it.
func (r *registrant) send(op *Op) *Op {
	op.Client, op.Session, op.Site = r.client, r.session, r.site
	// The end of the load is no fault: what has been sent is waited for.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.record.do(op, func(op *Op) { op.settle(ask(ctx, r.conn, op)) })
	if op.Outcome == Unknown || op.Code >= 2500 {
		r.hangUp()
	}
	r.learn(op)
	return op
}

// learn notes what an answer tells of a name, for the next choice.
func (r *registrant) learn(op *Op) {
	switch {
	case op.Outcome == OK && op.Kind == Info, op.Outcome == OK && op.Kind == Create:
		r.seen[op.Name] = op.Seen
	case op.Outcome == OK && op.Kind == Renew && r.seen[op.Name] != nil:
		believed := *r.seen[op.Name]
		believed.Expires = op.Seen.Expires
		r.seen[op.Name] = &believed
	case op.Code == noObject, op.Outcome == OK && op.Kind == Delete:
		delete(r.seen, op.Name)
	}
}

// settle notes the outcome that a client's error means.
func (op *Op) settle(err error) {
	var refused *client.Error
	switch {
	case err == nil:
		op.Outcome = OK
	case errors.As(err, &refused):
		op.Outcome, op.Code = Refused, refused.Code
	default:
		op.Outcome = Unknown
	}
}

// ask sends an EPP command and fills in what the answer shows.
func ask(ctx context.Context, conn *client.Client, op *Op) error {
	switch op.Kind {
	case Create:
		made, err := conn.CreateDomain(ctx, client.DomainCreate{Name: op.Name, Years: op.Years, Hosts: op.AddHosts.words(), Registrant: contactID, AuthInfo: "linear-1"})
		if err == nil {
			op.Seen = &Domain{Sponsor: op.Actor, Created: millis(made.Created), Expires: millis(made.Expires)}
		}
		return err
	case Renew:
		from, err := time.Parse(time.DateOnly, op.Current)
		if err != nil {
			return err
		}
		until, err := conn.RenewDomain(ctx, op.Name, from, op.Years)
		if err == nil {
			op.Seen = &Domain{Expires: millis(until)}
		}
		return err
	case Update:
		_, err := conn.UpdateDomain(ctx, client.DomainUpdate{
			Name:   op.Name,
			Add:    client.DomainParts{Hosts: op.AddHosts.words(), Statuses: op.Add.words()},
			Remove: client.DomainParts{Hosts: op.RemoveHosts.words(), Statuses: op.Remove.words()},
		})
		return err
	case Delete:
		_, err := conn.DeleteDomain(ctx, op.Name)
		return err
	case Check:
		answers, err := conn.CheckDomains(ctx, op.Name)
		if err == nil && len(answers) != 1 {
			err = client.ErrProtocol
		}
		if err == nil && !answers[0].Available {
			op.Seen = &Domain{}
		}
		return err
	}
	d, err := conn.InfoDomain(ctx, op.Name, "", "")
	if err == nil {
		op.Seen = &Domain{
			ROID: d.ROID, Sponsor: d.Sponsor, Created: millis(d.Created), Updated: millis(d.Updated), Expires: millis(d.Expires),
			Statuses: clientStatuses(d.Statuses), Hosts: NewSet(d.Hosts...),
		}
	}
	return err
}

// clientStatuses are those of the statuses that clients set; the others follow from the rest.
func clientStatuses(all []string) Set {
	return NewSet(slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, "client") })...)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// pause waits, and says whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
