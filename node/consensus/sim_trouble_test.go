package consensus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// planned is something that the driver will do.
type planned struct {
	at time.Time
	do func()
}

// later has the driver do something when d has passed.
func (s *simulation) later(d time.Duration, do func()) {
	p := planned{time.Now().Add(d), do}
	at, _ := slices.BinarySearchFunc(s.pending, p, func(a, b planned) int { return a.at.Compare(b.at) })
	s.pending = slices.Insert(s.pending, at, p)
}

// pass lets time pass, and does what falls due.
func (s *simulation) pass(d time.Duration) {
	until := time.Now().Add(d)
	for len(s.pending) > 0 && !s.pending[0].at.After(until) {
		next := s.pending[0]
		s.pending = s.pending[1:]
		time.Sleep(time.Until(next.at))
		next.do()
	}
	time.Sleep(time.Until(until))
}

func (s *simulation) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rng.Int64N(int64(most-least)+1))
}

// leader is who leads, as far as anybody knows; "" if nobody does.
func (s *simulation) leader() string {
	for _, p := range s.running() {
		if p.reign.begun() {
			return p.id
		}
	}
	return ""
}

// one is a node that something happens to: often the leader.
func (s *simulation) one() string {
	if id := s.leader(); id != "" && s.rng.IntN(2) == 0 {
		return id
	}
	return s.ids[s.rng.IntN(len(s.ids))]
}

// other is a node that isn't id.
func (s *simulation) other(id string) string {
	for {
		if o := s.ids[s.rng.IntN(len(s.ids))]; o != id {
			return o
		}
	}
}

// some are one or more nodes.
func (s *simulation) some() []string {
	ids := []string{s.one()}
	for _, id := range s.ids {
		if id != ids[0] && s.rng.IntN(4) == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// trouble makes things happen for a while.
func (s *simulation) trouble() {
	events := []func(){
		s.isolates, s.isolates, s.deafens, s.separates, s.separates, s.crashes, s.crashes, s.crashesAll, s.stops, s.handsOver,
		s.stalls, s.slows, s.skews, s.snapshots, s.losesState, s.weather, s.losesAnswers, s.asksAgain,
	}
	for n := range uint64(8 + s.rng.IntN(16)) {
		// Each event draws from a source of its own: what one makes of the cluster as it finds it doesn't change the next.
		s.rng = rand.New(rand.NewPCG(s.seed, 1000+n))
		s.pass(s.between(0, 1500*time.Millisecond))
		events[s.rng.IntN(len(events))]()
	}
}

// cuts cuts lines for a while.
func (s *simulation) cuts(why string, lines ...[2]string) {
	d := s.between(50*time.Millisecond, 4*time.Second)
	s.tell("%s, for %v", why, d)
	for _, l := range lines {
		s.net.set(l[0], l[1], func(l *line) { l.cut = true })
	}
	s.later(d, func() {
		s.tell("healed: %s", why)
		for _, l := range lines {
			s.net.set(l[0], l[1], func(l *line) { l.cut = false })
		}
	})
}

func (s *simulation) isolates() {
	id := s.one()
	var lines [][2]string
	for _, o := range s.ids {
		lines = append(lines, [2]string{id, o}, [2]string{o, id})
	}
	s.cuts(fmt.Sprintf("%s (leader: %s) is cut off", id, s.leader()), lines...)
}

// deafens cuts a node off in one direction.
func (s *simulation) deafens() {
	id, deaf := s.one(), s.rng.IntN(2) == 0
	var lines [][2]string
	for _, o := range s.ids {
		if deaf {
			lines = append(lines, [2]string{o, id})
		} else {
			lines = append(lines, [2]string{id, o})
		}
	}
	s.cuts(fmt.Sprintf("%s (leader: %s) is cut off in one direction, hears nothing: %v", id, s.leader(), deaf), lines...)
}

func (s *simulation) separates() {
	a := s.one()
	b := s.other(a)
	lines := [][2]string{{a, b}, {b, a}}
	if s.rng.IntN(2) == 0 {
		lines = lines[:1]
	}
	s.cuts(fmt.Sprintf("lines %v are cut (leader: %s)", lines, s.leader()), lines...)
}

func (s *simulation) crashes() {
	ids := s.some()
	s.tell("%s crash (leader: %s)", strings.Join(ids, ", "), s.leader())
	s.crash(ids...)
	for _, id := range ids {
		s.comesBack(id, 3*time.Second)
	}
}

func (s *simulation) crashesAll() {
	s.tell("all crash (leader: %s)", s.leader())
	s.crash(s.ids...)
	for _, id := range s.ids {
		s.comesBack(id, 2*time.Second)
	}
}

// comesBack starts a node that is down, sooner or later.
func (s *simulation) comesBack(id string, atMost time.Duration) {
	s.later(s.between(atMost/8, atMost), func() {
		if s.nodes[id] == nil {
			if s.rng.IntN(2) == 0 {
				s.snapshots() // what it needs may be in no log any more
			}
			s.tell("%s starts", id)
			s.start(id)
		}
	})
}

func (s *simulation) stops() {
	id := s.one()
	if p := s.nodes[id]; p != nil && !p.stalled() {
		s.tell("%s stops (leader: %s)", id, s.leader())
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = p.TransferLeadership(ctx)
		cancel()
		s.stop(id)
		s.comesBack(id, 2*time.Second)
	}
}

func (s *simulation) handsOver() {
	if p := s.nodes[s.one()]; p != nil {
		s.tell("%s asks the leader (%s) to hand over", p.id, s.leader())
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.TransferLeadership(ctx)
	}
}

func (s *simulation) stalls() {
	if p := s.nodes[s.one()]; p != nil {
		d := s.between(100*time.Millisecond, 5*time.Second)
		s.tell("the disk of %s (leader: %s) stalls for %v", p.id, s.leader(), d)
		s.later(d, p.stall())
	}
}

func (s *simulation) slows() {
	if p := s.nodes[s.one()]; p != nil {
		lag, d := s.between(10*time.Millisecond, 300*time.Millisecond), s.between(time.Second, 4*time.Second)
		s.tell("the state machine of %s (leader: %s) takes %v for a batch, for %v", p.id, s.leader(), lag, d)
		p.lag.Store(int64(lag))
		s.later(d, func() { p.lag.Store(0) })
	}
}

// skews sets a clock wrong: one at a time, so that a quorum is right.
func (s *simulation) skews() {
	p := s.nodes[s.one()]
	if p == nil || slices.ContainsFunc(s.running(), func(p *process) bool { return p.skew.Load() != 0 }) {
		return
	}
	off := []time.Duration{3 * time.Second, 20 * time.Minute, 90 * time.Minute, 365 * 24 * time.Hour}[s.rng.IntN(4)]
	if s.rng.IntN(2) == 0 {
		off = -off
	}
	d := s.between(time.Second, 6*time.Second)
	s.tell("the clock of %s (leader: %s) is off by %v for %v", p.id, s.leader(), off, d)
	s.skewed = true
	p.skew.Store(int64(off))
	s.later(d, func() { p.skew.Store(0) })
}

// snapshots has nodes cut their logs.
func (s *simulation) snapshots() {
	for _, p := range s.running() {
		if s.rng.IntN(6) > 0 {
			s.tell("%s cuts its log", p.id)
			s.mu.Lock()
			s.collect()
			s.mu.Unlock()
			s.ending.Go(func() { p.raft.Snapshot() }) // while the disk stalls, it waits
		}
	}
}

// losesState ends a process and its state file with it.
func (s *simulation) losesState() {
	for _, lost := range s.lost {
		if lost {
			return
		}
	}
	id := s.one()
	s.tell("%s crashes and its state file is lost (leader: %s)", id, s.leader())
	s.crash(id)
	s.lost[id] = true
	s.removeState(id)
	s.comesBack(id, 2*time.Second)
}

func (s *simulation) weather() {
	loss, d := s.rng.Float64()*0.15, s.between(time.Second, 4*time.Second)
	s.tell("of a hundred messages %.0f are lost, for %v", loss*100, d)
	s.net.all(func(l *line) { l.loss = loss })
	s.later(d, func() { s.net.all(func(l *line) { l.loss = 0 }) })
}

// losesAnswers has a node's commands reach the leader, and their results not come back.
func (s *simulation) losesAnswers() {
	leader := s.leader()
	if leader == "" {
		return
	}
	at := s.other(leader)
	s.tell("answers from %s, the leader, to commands of %s are lost", leader, at)
	s.net.set(leader, at, func(l *line) { l.mute = true })
	s.later(s.between(50*time.Millisecond, time.Second), func() { s.net.set(leader, at, func(l *line) { l.mute = false }) })
}

// heal ends all troubles.
func (s *simulation) heal() {
	s.tell("all troubles end")
	for _, p := range s.pending {
		p.do()
	}
	s.pending = nil
	s.net.all(func(l *line) { l.cut, l.loss, l.mute = false, 0, false })
	// A node that needs a peer's state waits for one that goes far enough.
	for began := time.Now(); len(s.nodes) < len(s.ids) && time.Since(began) < recovery; time.Sleep(100 * time.Millisecond) {
		for _, id := range s.ids {
			s.start(id)
		}
	}
	for _, id := range s.ids {
		if s.nodes[id] == nil {
			s.fail("%s can't be started", id)
		}
	}
}
