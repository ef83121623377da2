package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// watch looks at the nodes all along.
func (s *simulation) watch(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(70 * time.Millisecond):
		}
		s.mu.Lock()
		s.collect()
		s.mu.Unlock()
		for _, p := range s.running() {
			s.view(p, fsm.Local, 0, nil)
			if err := p.Failure(); err != nil && !p.port.dead() && !p.failed.Swap(true) {
				s.fail("%s left service: %v", p.id, err)
			}
		}
	}
}

// collect takes what has been applied from the nodes' logs, before they are cut; s.mu is held.
func (s *simulation) collect() {
	for _, p := range s.nodes {
		// A state that was copied may be ahead of its node's log, and then that may hold what was never committed.
		for committed := min(p.replica.applied(), p.raft.CommitIndex()); s.whole < committed; {
			var l raft.Log
			if p.logs.GetLog(s.whole+1, &l) != nil {
				break // cut already, or closed
			}
			e := fsm.Entry{Index: l.Index, Term: l.Term}
			if l.Type == raft.LogCommand {
				e.Data = l.Data
			}
			s.whole++
			s.log[s.whole] = e
		}
	}
}

// asksAgain has an entry of the log proposed once more, at any node: a request that went round twice.
func (s *simulation) asksAgain() {
	s.mu.Lock()
	e := s.log[s.whole-min(s.whole, uint64(s.rng.IntN(12)))]
	s.mu.Unlock()
	p := s.nodes[s.one()]
	if len(e.Data) == 0 || p == nil {
		return
	}
	cmd, _, err := fsm.Decode(e.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	s.tell("entry %d, %s, is proposed again at %s", e.Index, cmd.ID, p.id)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	entry := fsm.Encode(cmd)
	reply, err := p.servePropose(ctx, "client", store.Encode(proposal{Hops: maxHops, Entry: entry}))
	var v verdict
	if err != nil || store.Decode(reply, &v) != nil || v.Refusal != "" || fsm.IsStale(v.Result) || p.port.dead() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = append(s.claims, claim{clTRID: cmd.ClTRID, node: p.id, id: cmd.ID, outcome: acknowledged, result: v.Result, ended: s.steps.Add(1)})
}

// recover holds the cluster to serving again at every node, in bounded time.
func (s *simulation) recover() {
	healed := time.Now()
	marked := healed
	for _, p := range s.running() {
		s.must(p, operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: "rich", Currency: "USD", Amount: 1})
		s.view(p, fsm.Linearizable, 0, nil)
	}
	for !s.quiet() {
		if time.Since(healed) > 2*recovery {
			s.fail("the nodes don't come to rest; the log is known up to %d", s.whole)
			for _, p := range s.running() {
				first, _ := p.logs.FirstIndex()
				last, _ := p.logs.LastIndex()
				snapshots, _ := p.replica.snapshots.List()
				s.tell("%s: %+v, log from %d to %d, snapshots %+v", p.id, p.Status(), first, last, snapshots)
			}
			return
		}
		time.Sleep(11 * time.Millisecond)
		// A follower that has cut its log further than the leader knows is sent a copy, and refuses one that is older than its own; a leader goes
		// on marking snapshots as its log grows.
		if time.Since(marked) > time.Second {
			marked = time.Now()
			s.snapshots()
		}
	}
	s.tell("at rest %v after all troubles ended", time.Since(healed))
}

// quiet says whether all nodes have applied the same, and all of it is published.
func (s *simulation) quiet() bool {
	s.mu.Lock()
	s.collect()
	s.mu.Unlock()
	for _, p := range s.running() {
		published, index := false, uint64(0)
		_ = p.machine.View(func(v fsm.View) error {
			published, index = len(v.Dirty("example", 1)) == 0, v.Index()
			return nil
		})
		if !published || index != s.whole {
			return false
		}
	}
	return true
}

// check holds everything against the log.
func (s *simulation) check() {
	for _, p := range s.running() {
		s.view(p, fsm.Local, 0, nil)
	}
	r := s.replay()
	if s.t.Failed() {
		return
	}
	s.checkClaims(r)
	s.checkLooks(r)
	for _, p := range s.running() {
		if err := p.machine.View(func(v fsm.View) error { return s.checkState(r, p, v) }); err != nil {
			s.fail("%s: %v", p.id, err)
		}
	}
	s.tell("%d entries, %d claims, %d looks", s.whole, len(s.claims), len(s.looks))
}

// replay is what a fresh machine and the model made of the log.
type replay struct {
	machine  *fsm.Machine
	results  map[registry.CommandID]registry.Result
	executed map[string]bool // clTRIDs
	model    *model
}

// replay applies the whole log to a fresh machine, cut into other batches, some of them twice.
func (s *simulation) replay() *replay {
	machine, err := fsm.Open(filepath.Join(s.folder, "replay.db"), s.nodes[s.ids[0]].log)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { machine.Close() })
	r := &replay{machine: machine, results: map[registry.CommandID]registry.Result{}, executed: map[string]bool{}, model: newModel()}
	for next := uint64(1); next <= s.whole; {
		first, last := next-min(next-1, uint64(s.rng.IntN(3))), min(s.whole, next+uint64(s.rng.IntN(60)))
		var batch []fsm.Entry
		for i := first; i <= last; i++ {
			batch = append(batch, s.log[i])
		}
		out, err := machine.Apply(batch)
		if err != nil {
			s.fail("replaying entries %d to %d: %v", first, last, err)
			return r
		}
		for i, e := range batch {
			if e.Index >= next && len(e.Data) > 0 {
				s.follow(r, e, out.Results[i])
			}
		}
		next = last + 1
	}
	return r
}

// follow takes an entry and its result into the account of what was executed.
func (s *simulation) follow(r *replay, e fsm.Entry, result registry.Result) {
	cmd, stamp, err := fsm.Decode(e.Data)
	if err != nil {
		s.fail("entry %d: %v", e.Index, err)
		return
	}
	if result.Index != e.Index || fsm.IsStale(result) {
		s.tally.again.Add(1)
		return // executed before, or never
	}
	if _, twice := r.results[cmd.ID]; twice {
		s.fail("entry %d executes command %s again", e.Index, cmd.ID)
	}
	if cmd.ClTRID != "" && r.executed[cmd.ClTRID] {
		s.fail("entry %d executes what %s asked for again, under another id", e.Index, cmd.ClTRID)
	}
	r.results[cmd.ID], r.executed[cmd.ClTRID] = result, true
	if err := r.model.execute(cmd, stamp, result); err != nil {
		s.fail("entry %d, %s: %v", e.Index, cmd.ID, err)
	}
}

// checkClaims holds what clients were told against what was executed.
func (s *simulation) checkClaims(r *replay) {
	acks := int64(0)
	for _, c := range s.claims {
		result, executed := r.results[c.id]
		switch {
		case c.outcome == acknowledged && !executed:
			s.fail("%s (%s) was acknowledged at %s with %d and is not in the log", c.clTRID, c.id, c.node, c.result.Code)
		case c.outcome == acknowledged && !bytes.Equal(store.Encode(result), store.Encode(c.result)):
			s.fail("%s (%s) was answered at %s with %+v, and executed with %+v", c.clTRID, c.id, c.node, c.result, result)
		case c.outcome == notLogged && (executed || r.executed[c.clTRID]):
			s.fail("%s (%s) was refused at %s as not logged, and executed: %v", c.clTRID, c.id, c.node, c.err)
		}
		switch c.outcome {
		case acknowledged:
			acks++
		case unknown:
			s.tally.unknown.Add(1)
		case notLogged:
			s.tally.notLogged.Add(1)
		}
	}
	s.tally.seeds.Add(1)
	s.tally.acknowledged.Add(acks)
	s.tally.entries.Add(int64(s.whole))
	s.tally.terms.Add(int64(s.log[s.whole].Term))
	if acks < 10 {
		s.fail("only %d commands were acknowledged: the seed shows nothing", acks)
	}
}

// checkLooks holds what clients were shown against the log, and against what they were told and shown before.
func (s *simulation) checkLooks(r *replay) {
	type known struct{ ended, index uint64 }
	var least []known // what a linearizable read that begins after a step must show
	for _, c := range s.claims {
		if c.outcome == acknowledged {
			least = append(least, known{c.ended, c.result.Index})
		}
	}
	for _, l := range s.looks {
		if l.level == fsm.Linearizable {
			least = append(least, known{l.ended, l.pos.Index})
		}
	}
	slices.SortFunc(least, func(a, b known) int { return int(a.ended) - int(b.ended) })
	for i := range least[1:] {
		least[i+1].index = max(least[i+1].index, least[i].index)
	}
	drift := int64(2 * registry.Second)
	if s.skewed {
		drift += int64(registry.MaxStep)
	}
	for _, l := range s.looks {
		if sum, ok := r.machine.DigestAt(l.pos.Index); l.pos.Index > 0 && (!ok || sum != l.pos.Digest) {
			s.fail("at %s the state after entry %d had the digest %s, a replay has %s", l.node, l.pos.Index, l.pos.Digest, sum)
		}
		if ahead := int64(l.logTime) - l.at.UnixMilli(); ahead > drift {
			s.fail("at %s log time was %d ms ahead of time", l.node, ahead)
		}
		switch l.level {
		case fsm.Session:
			if l.pos.Index < l.after {
				s.fail("at %s a session read after entry %d showed entry %d", l.node, l.after, l.pos.Index)
			}
		case fsm.Linearizable:
			at, _ := slices.BinarySearchFunc(least, l.began, func(k known, step uint64) int { return int(k.ended) - int(step) })
			if at > 0 && l.pos.Index < least[at-1].index {
				s.fail("at %s a linearizable read showed entry %d, when %d had been acknowledged or shown", l.node, l.pos.Index, least[at-1].index)
			}
		}
	}
}

// checkState holds a node's state at rest against the replay and the model.
func (s *simulation) checkState(r *replay, p *process, v fsm.View) error {
	pos, err := r.machine.Position()
	if err != nil || pos != v.Position() {
		return fmt.Errorf("the state is at %v, the replay at %v: %w", v.Position(), pos, err)
	}
	if behind := time.Now().UnixMilli() - int64(v.Now()); behind > 3000 {
		return fmt.Errorf("log time is %d ms behind", behind)
	}
	if all := v.Incidents(1); len(all) > 0 {
		return fmt.Errorf("incident: %+v", all[0])
	}
	// Each node has had a command of its own since, and so has forgotten what came before it.
	if n := v.Pending(); n > 4*len(s.ids) {
		return fmt.Errorf("%d results are remembered though nobody waits", n)
	}
	// A leader's own: a Tick, a publication, a comparison.
	if n := len(p.slots); n > 3 {
		return fmt.Errorf("%d proposals are in flight at rest", n)
	}
	p.ids.mu.Lock()
	n := p.ids.waiting.Len()
	p.ids.mu.Unlock()
	if n > 3 {
		return fmt.Errorf("%d commands are waited for at rest", n)
	}
	if p.id != s.ids[s.rng.IntN(len(s.ids))] {
		return errors.Join(v.Audit(), checkJournal(v)) // the digest says the rest
	}
	return errors.Join(p.machine.Verify(), sameRows(r.machine, v), v.Audit(), r.model.check(v), checkJournal(v), s.checkHistory(r, v))
}

// sameRows holds a state against a machine's, row for row.
func sameRows(m *fsm.Machine, v fsm.View) error {
	return m.View(func(w fsm.View) error {
		if a, b := rows(v), rows(w); a != b {
			return errors.New("rows differ from the replay's though digests are the same")
		}
		return nil
	})
}

func rows(v fsm.View) string {
	var all strings.Builder
	_ = v.Rows(func(table string, key, value []byte) error {
		fmt.Fprintf(&all, "%s %q %q\n", table, key, value)
		return nil
	})
	return all.String()
}

// checkJournal goes through a zone's publications: each follows the one before, and all together are the zone.
func checkJournal(v fsm.View) error {
	zone := map[string]registry.RRset{}
	all, ok := v.Journal("example", 0)
	if !ok {
		return errors.New("the journal does not go back to the zone's beginning")
	}
	for i, p := range all {
		if p.Serial != uint32(i+1) || p.Base != uint32(i) {
			return fmt.Errorf("publication %d takes the zone from %d to %d", i+1, p.Base, p.Serial)
		}
		for _, set := range p.Removed {
			delete(zone, fmt.Sprint(set.Owner, set.Type))
		}
		for _, set := range p.Added {
			zone[fmt.Sprint(set.Owner, set.Type)] = set
		}
	}
	var err error
	v.ZoneRRsets("example", func(set registry.RRset) bool {
		key := fmt.Sprint(set.Owner, set.Type)
		if !bytes.Equal(store.Encode(zone[key]), store.Encode(set)) {
			err = fmt.Errorf("the journal leads to other records at %s", key)
		}
		delete(zone, key)
		return err == nil
	})
	if err == nil && len(zone) > 0 {
		err = fmt.Errorf("the journal leads to %d RRsets that the zone does not have", len(zone))
	}
	return err
}

// checkHistory holds the history against what was executed: each object's records are a chain, and each successful command has its own.
func (s *simulation) checkHistory(r *replay, v fsm.View) (err error) {
	last := map[string]uint64{}
	recorded := map[registry.CommandID]int{}
	v.History(0, func(h registry.Record) bool {
		object := fmt.Sprint(strings.Split(h.Event, ":")[0], h.Object, h.Number)
		// Each raise of the level stands alone: the cluster's settings have no place for the index of the one before.
		if h.Previous != last[object] && h.Event != "cluster:level" {
			err = fmt.Errorf("the history of %s goes from entry %d to %d, which names %d", object, last[object], h.Index, h.Previous)
		}
		last[object] = h.Index
		if h.ClTRID != "" && h.Event != "domain:purge" && h.Event != "domain:autorenew" {
			recorded[h.ID]++
		}
		return err == nil
	})
	for _, c := range s.claims {
		if c.outcome != acknowledged || c.clTRID == "" {
			continue
		}
		if want := map[bool]int{true: 1}[!c.result.Code.Failed()]; recorded[c.id] != want {
			err = errors.Join(err, fmt.Errorf("%s was answered %d and has %d records in the history", c.clTRID, c.result.Code, recorded[c.id]))
		}
	}
	return err
}
