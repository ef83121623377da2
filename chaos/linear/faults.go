package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/wan"
)

// Weather is what is done to sites while the clients work.
type Weather string

// The faults. Each ends before the next begins, so that there is a quorum but for moments.
const (
	Kill     Weather = "kill"      // SIGKILL; the site is started again soon
	Pause    Weather = "pause"     // SIGSTOP; all sockets stay open
	HandOver Weather = "hand over" // the leader gives up leading
	Isolate  Weather = "isolate"   // the site and the others don't hear each other
	Deafen   Weather = "deafen"    // the site is heard but doesn't hear
	Mute     Weather = "mute"      // the site hears but isn't heard
)

// AllWeather is every fault. Those of the network need a cluster with a wide area (cluster.WAN) in this process.
var AllWeather = []Weather{Kill, Pause, HandOver, Isolate, Deafen, Mute}

// network are the faults of the wide area.
var network = map[Weather]func(site string) []wan.Change{
	Isolate: wan.Isolate,
	Deafen:  func(site string) []wan.Change { return wan.CutOneWay("", site) },
	Mute:    func(site string) []wan.Change { return wan.CutOneWay(site, "") },
}

// storm inflicts one fault after the other.
type storm struct {
	cluster *cluster.Cluster
	record  *recorder
	kinds   []Weather
	random  *rand.Rand
}

// rage goes on until ctx ends, and leaves all sites running. Its error is a site that doesn't come back.
func (s *storm) rage(ctx context.Context) error {
	for len(s.kinds) > 0 && pause(ctx, s.upTo(maxCalm)) {
		victim := s.victim(ctx)
		kind := s.kinds[s.random.IntN(len(s.kinds))]
		var err error
		s.record.fault(string(kind), victim, func() { err = s.inflict(ctx, kind, victim) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *storm) inflict(ctx context.Context, kind Weather, victim string) error {
	switch kind {
	case Kill:
		if err := s.cluster.Kill(victim); err != nil {
			return err
		}
		pause(ctx, s.upTo(maxDead))
		again, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		return errors.Join(s.cluster.Start(victim), s.cluster.AwaitServing(again, victim))
	case Pause:
		if err := s.cluster.Pause(victim); err != nil {
			return err
		}
		pause(ctx, s.upTo(maxPaused))
		return s.cluster.Resume(victim)
	case Isolate, Deafen, Mute:
		if err := s.cluster.WAN().Apply(network[kind](victim)...); err != nil {
			return err
		}
		pause(ctx, s.upTo(maxCut))
		return s.cluster.WAN().Apply(wan.Heal()...)
	}
	// Without a leader there is nothing to hand over.
	a, err := s.cluster.Admin(victim)
	if err == nil {
		ask, cancel := context.WithTimeout(ctx, readPatience)
		defer cancel()
		a.TransferLeadership(ask)
	}
	return err
}

// victim is the leader's site half of the time.
func (s *storm) victim(ctx context.Context) string {
	sites := s.cluster.Sites()
	if s.random.IntN(2) == 0 {
		ctx, cancel := context.WithTimeout(ctx, readPatience)
		defer cancel()
		if leader, err := s.cluster.Leader(ctx); err == nil {
			return leader
		}
	}
	return sites[s.random.IntN(len(sites))]
}

func (s *storm) upTo(d time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(d)))
}
