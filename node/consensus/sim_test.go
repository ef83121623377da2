package consensus

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// The simulation runs whole clusters in fake time: real raft, state machines,
// forwarding, command ids, publisher and duties, with clients at every node, on
// a network, disks, clocks and processes that fail. A seed draws all of it. What
// clients were told and shown is then held against the log, a replay of the log, and a model of the registry.

// everySeed is how many seeds each run of the tests takes.
const everySeed = 32

// TestSimulation runs QUORATE_SEEDS seeds from QUORATE_SEED on. QUORATE_SEED alone means that one.
func TestSimulation(t *testing.T) {
	first, given := number(t, "QUORATE_SEED", 1)
	seeds, many := number(t, "QUORATE_SEEDS", everySeed)
	if given && !many {
		seeds = 1
	}
	var failed atomic.Bool
	var sum tally
	t.Cleanup(func() { t.Log(&sum) })
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			if failed.Load() {
				t.Skip("another seed has failed")
			}
			folder := memoryFolder(t)
			synctest.Test(t, func(t *testing.T) { simulate(t, seed, folder, &sum) })
			if t.Failed() {
				failed.Store(true)
				t.Logf("to see it again: QUORATE_SEED=%d go test -count=20 -failfast -run '^TestSimulation$' ./node/consensus", seed)
			}
		})
	}
}

func number(t *testing.T, variable string, otherwise uint64) (n uint64, given bool) {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n, true
}

// tally says what the seeds came to: a simulation in which nothing goes wrong shows nothing.
type tally struct{ seeds, acknowledged, unknown, notLogged, again, copies, terms, entries atomic.Int64 }

func (y *tally) String() string {
	return fmt.Sprintf("%d seeds, %d terms, %d entries, %d of them of commands known already; %d commands acknowledged, %d unknown, %d not logged; %d copies of the state",
		y.seeds.Load(), y.terms.Load(), y.entries.Load(), y.again.Load(), y.acknowledged.Load(), y.unknown.Load(), y.notLogged.Load(), y.copies.Load())
}

// simulation is one seed's cluster and what is known of it.
type simulation struct {
	t      *testing.T
	seed   uint64
	tally  *tally
	rng    *rand.Rand // of the driver, who decides what happens when
	began  time.Time
	folder string
	ids    []string
	net    *network
	write  time.Duration // what a durable write takes
	limits struct {
		trailing uint64
		inFlight int
	}
	failures atomic.Int64
	steps    atomic.Uint64 // orders what clients do: a step that ended before another began has a lower number

	mu      sync.Mutex
	nodes   map[string]*process // those that run
	folders map[string]string   // each node's data, in its newest life
	lives   int
	lost    map[string]bool      // nodes whose state file is lost
	skewed  bool                 // some clock was wrong at some time
	log     map[uint64]fsm.Entry // what was committed
	whole   uint64               // log has all up to here
	claims  []claim              // what clients were told
	looks   []look               // what clients were shown
	story   []string             // what happened
	ending  sync.WaitGroup       // processes without a network that come to their end
	pending []planned            // what the driver will do
}

// simulate is one seed.
func simulate(t *testing.T, seed uint64, folder string, sum *tally) {
	s := &simulation{
		t: t, seed: seed, tally: sum, rng: rand.New(rand.NewPCG(seed, 0)), began: time.Now(), folder: folder, nodes: map[string]*process{},
		folders: map[string]string{}, lost: map[string]bool{}, log: map[uint64]fsm.Entry{},
	}
	defer func() {
		p := recover()
		if p != nil {
			defer panic(p)
		}
		if p != nil || t.Failed() || testing.Verbose() && os.Getenv("QUORATE_SEEDS") == "" {
			for _, line := range s.story {
				t.Log(line)
			}
		}
	}()
	// A driver that is stuck would let the clock run for ever.
	defer time.AfterFunc(5*time.Minute, func() { panic(fmt.Sprintf("seed %d does not end: %v", seed, s.story)) }).Stop()
	s.draw()
	defer s.shutDown()
	for _, id := range s.ids {
		s.start(id)
	}
	s.open()
	if t.Failed() {
		return
	}
	stop := make(chan struct{})
	var crowd sync.WaitGroup
	for n := range max(5, 2*len(s.ids)-2) {
		crowd.Go(func() { s.client(n, stop) })
	}
	crowd.Go(func() { s.watch(stop) })
	s.trouble()
	s.heal()
	time.Sleep(2 * time.Second)
	close(stop)
	crowd.Wait()
	s.recover()
	if !t.Failed() {
		s.check()
	}
}

// draw decides what the cluster is like.
func (s *simulation) draw() {
	nodes := 3
	if s.rng.IntN(4) == 0 {
		nodes = 5
	}
	for i := range nodes {
		s.ids = append(s.ids, fmt.Sprint("n", i+1))
	}
	s.net = newNetwork(rand.New(rand.NewPCG(s.seed, 1)), s.ids)
	oneWay := []int64{1, 5, 20, 40}[s.rng.IntN(4)] // milliseconds; both ways together make up to 80
	for _, a := range s.ids {
		for _, b := range s.ids {
			if a < b {
				there := s.rng.Int64N(2*oneWay + 1)
				s.net.set(a, b, func(l *line) { l.delay = time.Duration(there) * time.Millisecond })
				s.net.set(b, a, func(l *line) { l.delay = time.Duration(2*oneWay-there) * time.Millisecond })
			}
		}
	}
	jitter := time.Duration(s.rng.Int64N(10)) * time.Millisecond
	s.net.all(func(l *line) { l.jitter = jitter })
	s.write = []time.Duration{0, 500 * time.Microsecond, 4 * time.Millisecond}[s.rng.IntN(3)]
	s.limits.trailing = []uint64{1, 1, 8192}[s.rng.IntN(3)] // the least is minTrailing for each in flight
	s.limits.inFlight = []int{4, 4, 256}[s.rng.IntN(3)]
	s.tell("%d nodes, %d ms both ways, jitter %v, writes take %v, %d entries trail, %d in flight", nodes, 2*oneWay, jitter, s.write, s.limits.trailing, s.limits.inFlight)
}

// tell adds to the story.
func (s *simulation) tell(format string, args ...any) {
	s.story = append(s.story, fmt.Sprintf("%9.3f s ", time.Since(s.began).Seconds())+fmt.Sprintf(format, args...))
}

// fail is an error of the product, with the story's time. One error has many more in its wake: they aren't all told.
func (s *simulation) fail(format string, args ...any) {
	s.t.Helper()
	if s.failures.Add(1) > 8 {
		return
	}
	s.t.Errorf("seed %d, %.3f s: %s", s.seed, time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// The policy under which the simulation's clients work. Periods are of seconds, so that they end in the time that a seed has.
const (
	simDeposit  = 100_000
	poorDeposit = 40
)

var simTLD = registry.TLD{
	Name: "example", Currency: "USD", CreatePrice: 10, RenewPrice: 7, MaxYears: 10,
	AddGrace: 4 * registry.Second, RenewGrace: 6 * registry.Second, DeleteDelay: 3 * registry.Second,
	Nameservers: []registry.Nameserver{{Name: "ns.elsewhere.test"}}, SOA: registry.SOA{MName: "ns.elsewhere.test", RName: "host.elsewhere.test"},
}

// simRegistrars are the clients' registrars; the last has little money.
var simRegistrars = []string{"rich", "wealthy", "poor"}

var simHosts = []string{"ns1.elsewhere.test", "ns2.elsewhere.test"}

// open sets up the registry.
func (s *simulation) open() {
	type step struct {
		kind registry.Kind
		body any
	}
	steps := []step{{registry.KindTLDCreate, registry.TLDCreate{TLD: simTLD}}}
	for _, id := range simRegistrars {
		amount := int64(simDeposit)
		if id == "poor" {
			amount = poorDeposit
		}
		steps = append(steps, step{registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: registry.Registrar{ID: id}}},
			step{registry.KindRegistrarFund, registry.RegistrarFund{ID: id, Currency: "USD", Amount: amount}})
	}
	for i, c := range steps {
		s.must(s.process(s.ids[i%len(s.ids)]), operator, c.kind, c.body)
	}
	for _, h := range simHosts {
		s.must(s.process("n1"), registry.Actor{Role: registry.RoleRegistrar, Name: "rich"}, registry.KindHostCreate, registry.HostCreate{Name: h})
	}
	s.tell("the registry is open")
}

// must has a command executed that nothing can keep from success for longer than a cluster may need to recover.
func (s *simulation) must(p *process, actor registry.Actor, kind registry.Kind, body any) {
	began := time.Now()
	for {
		c := s.execute(p, 0, actor, kind, body)
		if c.outcome == acknowledged && (c.result.Fail == nil || c.result.Code == registry.ObjectExists) {
			return // now, or by an attempt before whose outcome was unknown
		}
		if time.Since(began) > recovery {
			s.fail("%s does not execute a command within %v: %v %v", p.id, recovery, c.result.Fail, c.err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// recovery is the most that a cluster without troubles may take until every node serves.
const recovery = 20 * time.Second
