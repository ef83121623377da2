package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"quorate/chaos/load"
)

// The binary that people get can't be made to fail; the one with the tag says loudly that it can.
func TestOnlyTheTagMakesFaults(t *testing.T) {
	t.Parallel()
	const warning = "this binary can be made to fail"
	path, err := faulty()
	do(t, err)
	for file, want := range map[string]bool{binary: false, path: true} {
		program, err := os.ReadFile(file)
		do(t, err)
		if bytes.Contains(program, []byte(warning)) != want {
			t.Errorf("%s can be made to fail: %v, want %v", file, !want, want)
		}
	}
}

// The four troubles of a leader that are over soon, one after the other, under load: it is paused, its disk hangs, its disk is full, its clock
// is a year ahead. Each time another leads within seconds, it comes back, and nothing is lost or doubled.
func TestFaults(t *testing.T) {
	t.Parallel()
	r := newTrial(t, nil)
	r.pause(time.Second, 0)
	r.stall()
	r.fill()
	r.misclock("+8760h")
	r.finish()
}

// pause pauses the leader (0) or others for a while.
func (r *trial) pause(length time.Duration, victims ...int) {
	r.Helper()
	leads, others := leader(r.T, r.c)
	sites := append([]string{leads}, others...)
	what := fmt.Sprintf("paused for %v: %v (0 leads)", length, victims)
	s := r.session(others[1])
	for _, v := range victims {
		do(r.T, r.c.Pause(sites[v]))
	}
	over := time.After(length)
	if len(victims) == 1 {
		r.acknowledges(what, others[1], s)
	} else if o, err := r.write(s); o == load.Acknowledged {
		r.Errorf("%s: %s alone acknowledged a create", what, others[1])
	} else {
		r.Logf("%s: a create at the one that is left: %v: %v", what, o, err)
	}
	<-over
	for _, v := range victims {
		do(r.T, r.c.Resume(sites[v]))
	}
	if len(victims) > 1 {
		r.acknowledges(what+" and over", others[1], r.session(others[1]))
	}
	for _, v := range victims {
		r.acknowledges(what+" and over", sites[v], r.session(sites[v]))
	}
	r.agreed()
}

// stall has the leader's disk hang until another leads, and for two seconds more.
func (r *trial) stall() {
	r.Helper()
	leads, others := leader(r.T, r.c)
	s := r.session(others[0])
	do(r.T, r.c.Fault(leads, "disk stall"))
	r.acknowledges("the leader's disk hangs", others[0], s)
	r.leadsNot(leads)
	r.says(leads, "the disk is stalled", "stalled=true")
	advance(r.T, r.Journal, 20)
	do(r.T, r.c.Fault(leads))
	r.acknowledges("its disk is well again", leads, r.session(leads))
	r.agreed()
}

// fill has the leader's disk be full: it ends with the reason, and comes back when there is space and somebody starts it.
func (r *trial) fill() {
	r.Helper()
	leads, others := leader(r.T, r.c)
	s := r.session(others[0])
	do(r.T, r.c.Fault(leads, "disk full"))
	r.acknowledges("the leader's disk is full", others[0], s)
	r.ends(leads, "no space left on device")
	advance(r.T, r.Journal, 20)
	do(r.T, r.c.Fault(leads), r.c.Start(leads), r.c.AwaitReady(r.Context(), leads))
	r.acknowledges("there is space again", leads, r.session(leads))
	r.agreed()
}

// misclock sets the leader's clock wrong: it hands over, and log time and expiry dates stay right.
func (r *trial) misclock(offset string) {
	r.Helper()
	leads, others := leader(r.T, r.c)
	for {
		s := r.session(others[0])
		log, err := os.Stat(r.c.LogFile(leads))
		do(r.T, err, r.c.Fault(leads, "clock "+offset))
		r.acknowledges("the leader's clock is off by "+offset, others[0], s)
		r.leadsNot(leads)
		if said(r.c.LogFile(leads), log.Size(), "this node's clock is off", "page=true") == nil {
			break
		}
		r.Logf("on this busy machine, %s lost the leadership before that", leads)
		do(r.T, r.c.Fault(leads))
		leads, others = leader(r.T, r.c)
	}
	r.rightTime(offset)
	r.acknowledges("the clock is still off by "+offset, leads, r.session(leads))
	do(r.T, r.c.Fault(leads))
	r.agreed()
	r.rightTime(offset)
}

// logTimeSlack is how far log time may be from the machine's clock in a test: nodes answer late on a busy machine.
const logTimeSlack = 5 * time.Second

// logTime is a site's log time.
func (r *trial) logTime(ctx context.Context, site string) (time.Time, error) {
	st, err := r.c.Status(ctx, site)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, st.LogTime)
}

// rightTime waits until log time is right at all sites, and fails the test if it has gone ahead more than a wrong clock could take it unseen.
func (r *trial) rightTime(offset string) {
	r.Helper()
	ahead := logTimeSlack
	if d, err := time.ParseDuration(offset); err == nil && d > 0 && d < time.Hour {
		ahead += d
	}
	for _, s := range r.c.Sites() {
		await(r.T, "log time is right at "+s, func(ctx context.Context) error {
			at, err := r.logTime(ctx, s)
			if err != nil {
				return err
			}
			off := time.Until(at)
			if off > ahead {
				r.Fatalf("log time at %s is %v ahead", s, off)
			}
			if off.Abs() > logTimeSlack {
				return fmt.Errorf("it is off by %v", off)
			}
			return nil
		})
	}
	d, err := r.session(r.c.Sites()[0]).InfoDomain(r.Context(), r.created, "", "")
	do(r.T, err)
	if off := time.Since(d.Created); off > time.Minute || off < -ahead || !d.Expires.Equal(load.AddYears(d.Created, 1)) {
		r.Errorf("%s was created %v ago and expires at %v", d.Name, off, d.Expires)
	}
}

// A process that is stopped with SIGSTOP, as by a hypervisor: the leader's, a follower's, two at once; for as long as a minute, which is
// longer than a disk may hang.
func TestFaultPauses(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, nil)
	for _, length := range []time.Duration{time.Second, 5 * time.Second, time.Minute} {
		r.pause(length, 0)
		r.pause(length, 1)
	}
	r.pause(5*time.Second, 0, 1)
	r.pause(15*time.Second, 0, 1)
	r.finish()
}

// Disks that hang, for a while or for good, and that are full, under the leader and under a follower.
func TestFaultDisks(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, nil)

	// One store alone: no write of raft's log ends, or no batch is applied.
	for _, store := range []string{"log", "state"} {
		leads, others := leader(t, r.c)
		s := r.session(others[0])
		do(t, r.c.Fault(leads, "disk stall "+store))
		r.acknowledges("the leader's "+store+" hangs", others[0], s)
		r.leadsNot(leads)
		do(t, r.c.Fault(leads))
		r.acknowledges("its "+store+" is well again", leads, r.session(leads))
		r.agreed()
	}

	// Full: each store alone, under the leader and a follower.
	for _, trouble := range []string{"disk full log", "disk full state"} {
		for follows := range 2 {
			leads, others := leader(t, r.c)
			victim, at := append([]string{leads}, others...)[follows], others[1]
			s := r.session(at)
			do(t, r.c.Fault(victim, trouble))
			what := fmt.Sprintf("%s at %s, follower %v", trouble, victim, follows == 1)
			r.acknowledges(what, at, s)
			r.ends(victim, "no space left on device")
			advance(t, r.Journal, 20)
			if err := r.c.Start(victim); err != nil {
				t.Fatal(err)
			}
			r.ends(victim, "no space left on device") // a disk that is still full
			do(t, r.c.Fault(victim), r.c.Start(victim), r.c.AwaitReady(t.Context(), victim))
			r.acknowledges(what+", and space again", victim, r.session(victim))
			r.agreed()
		}
	}

	// A node that is told to end while its disk hangs does so, and loses nothing by it.
	_, others := leader(t, r.c)
	do(t, r.c.Fault(others[0], "disk stall"))
	advance(t, r.Journal, 20)
	do(t, r.c.Stop(others[0]))
	if last := r.c.LastWords(others[0]); !strings.Contains(last, "could not be closed") {
		t.Errorf("%s was stopped while its disk hung, and said: %s", others[0], last)
	}
	do(t, r.c.Fault(others[0]), r.c.Start(others[0]))
	r.agreed()

	// One that never comes back: the node gives up, and says so; a new start is a new try.
	leads, others := leader(t, r.c)
	s := r.session(others[0])
	do(t, r.c.Fault(leads, "disk stall"))
	r.acknowledges("the leader's disk hangs for good", others[0], s)
	r.ends(leads, "the disk is stalled")
	do(t, r.c.Fault(leads), r.c.Start(leads))
	r.agreed()
	r.finish()
}

// Clocks that are wrong: the leader's, ahead and behind, by a year and by a step of ten seconds; of a node that starts; of two of three.
func TestFaultClocks(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, nil)
	for _, offset := range []string{"+8760h", "-8760h", "+10s", "-10s"} {
		r.misclock(offset)
	}

	// A node that starts with a wrong clock, alone and when all start: it never leads for long.
	victim := r.c.Sites()[0]
	do(t, r.c.Kill(victim), r.c.Fault(victim, "clock +8760h"), r.c.Start(victim), r.c.AwaitReady(t.Context(), victim))
	r.rightTime("+8760h")
	for _, s := range r.c.Sites() {
		do(t, r.c.Kill(s))
	}
	for _, s := range r.c.Sites() {
		do(t, r.c.Start(s))
	}
	r.agreed()
	r.acknowledges("all were started, one with a wrong clock", victim, r.session(victim))
	r.leadsNot(victim)
	r.rightTime("+8760h")

	// Two are wrong and don't agree, on both sides of the third: that one is the median, and leads.
	second := r.c.Sites()[1]
	do(t, r.c.Fault(second, "clock -8760h"))
	await(t, "the one with the right clock leads", func(ctx context.Context) error {
		leads, err := r.c.Leader(ctx)
		if err == nil && leads != r.c.Sites()[2] {
			err = errors.New(leads + " does")
		}
		return err
	})
	r.acknowledges("two clocks are wrong, on both sides", victim, r.session(victim))
	r.rightTime("+8760h")

	// Two are wrong the same way and don't agree: no quorum agrees with any of them, and log time stands still, but for the hour that a leader
	// could take it. Commands go on at that time.
	do(t, r.c.Fault(second, "clock +9999h"))
	await(t, "one with a wrong clock leads", func(ctx context.Context) error {
		leads, err := r.c.Leader(ctx)
		if err == nil && leads != victim {
			err = errors.New(leads + " does")
		}
		return err
	})
	stands, err := r.logTime(t.Context(), victim)
	do(t, err)
	r.acknowledges("two clocks are wrong, the same way", second, r.session(second))
	advance(t, r.Journal, 20)
	for _, s := range r.c.Sites() {
		at, err := r.logTime(t.Context(), s)
		do(t, err)
		if at.Sub(stands) > logTimeSlack || time.Until(at) > logTimeSlack {
			t.Errorf("log time at %s went from %v to %v without a quorum", s, stands, at)
		}
	}
	do(t, r.c.Fault(victim), r.c.Fault(second))
	r.rightTime("")
	r.finish()
}

// Two of three clocks that agree are believed, though they are wrong: nobody in the cluster can know better. Log time goes with them, what is due
// by then is done, and it never goes back.
func TestFaultTwoClocksThatAgreeAreBelieved(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, nil)
	s := r.session(r.c.Sites()[0])
	if o, err := r.write(s); o != load.Acknowledged {
		t.Fatal(err)
	}
	name := r.created
	r.end() // the journal doesn't know of renewals by time
	agree(t, r.c)
	for _, site := range r.c.Sites()[:2] {
		do(t, r.c.Fault(site, "clock +10000h"))
	}
	await(t, "log time follows the two", func(ctx context.Context) error {
		at, err := r.logTime(ctx, r.c.Sites()[2])
		if err == nil && time.Until(at) < 9999*time.Hour {
			err = fmt.Errorf("it is %v", at)
		}
		return err
	})
	r.leadsNot(r.c.Sites()[2])
	d, err := s.InfoDomain(t.Context(), name, "", "")
	do(t, err)
	if !d.Expires.Equal(load.AddYears(d.Created, 2)) {
		t.Errorf("%s expires %v: it was not renewed at its expiry", name, d.Expires)
	}
	for _, site := range r.c.Sites()[:2] {
		do(t, r.c.Fault(site))
	}
	r.agreed()
	at, err := r.logTime(t.Context(), r.c.Sites()[0])
	do(t, err)
	if time.Until(at) < 9999*time.Hour {
		t.Errorf("log time went back to %v", at)
	}
}
