package linear

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/node/admin"
)

// load is how long the clients of the real run work: with the start and the end about ten seconds.
const load = 5 * time.Second

// A real cluster under faults, with real clients: one order explains what they were told. The same history with lies in it is found out.
func TestRealRun(t *testing.T) {
	t.Parallel()
	noteSources(t)
	dir := t.TempDir()
	binary := filepath.Join(dir, "quorate")
	if out, err := exec.Command("go", "build", "-o", binary, "quorate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ports, err := cluster.ReservePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Release)
	c, err := cluster.New(cluster.Options{Dir: filepath.Join(dir, "cluster"), Binary: binary, PortBase: ports.Base, WAN: cluster.RoundTrip(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range c.Sites() {
			if t.Failed() {
				t.Logf("the log of %s ends: %s", s, c.LastWords(s))
			}
			if c.Running(s) {
				c.Kill(s)
			}
		}
		c.StopAll()
	})
	if err := c.Up(t.Context(), t.Logf); err != nil {
		t.Fatal(err)
	}
	o := Options{Seed: seed(t), Duration: load, Weather: AllWeather}
	h, err := Round(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(h.Summary())
	found := h.Check()
	for _, v := range found {
		t.Error(v)
	}
	if len(found) > 0 {
		dir, err := os.MkdirTemp("", "quorate-linear-")
		if err != nil {
			t.Fatal(err)
		}
		t.Fatalf("the evidence is in %s: %v", dir, h.Report(dir, "round", found))
	}
	findLies(t, h, rand.New(rand.NewPCG(o.Seed, 1)))
}

// noteSources looks at all folders that the binary is built from: go test keeps a result only while what a test has looked at is as it was.
func noteSources(t *testing.T) {
	t.Helper()
	root := filepath.Join("..", "..")
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		built := path == filepath.Join(root, "bin") || path == filepath.Join(root, "var")
		if err == nil && d.IsDir() && path != root && (built || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("QUORATE_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("QUORATE_SEED: %v", err)
		}
	}
	t.Logf("QUORATE_SEED=%d", n)
	return n
}

// findLies changes one answer of a true history at a time.
func findLies(t *testing.T, h *History, random *rand.Rand) {
	t.Helper()
	shows := func(kind Kind) func(*Op) bool {
		return func(op *Op) bool { return op.Kind == kind && op.Outcome == OK && op.Seen != nil }
	}
	later := func(op *Op) {
		seen := *op.Seen
		seen.Expires += 86_400_000
		op.Seen = &seen
	}
	richer := func(op *Op) { op.Amount++ }
	for what, lie := range map[string]struct {
		of   func(*Op) bool
		tell func(*Op)
	}{
		"a create done": {func(op *Op) bool { return op.Kind == Create && op.Code == objectExists }, func(op *Op) {
			op.Outcome, op.Code, op.Seen = OK, 0, &Domain{Created: 1, Expires: addYears(1, op.Years)}
		}},
		"a create refused":        {shows(Create), func(op *Op) { op.Outcome, op.Code = Refused, objectExists }},
		"a renew to another day":  {shows(Renew), later},
		"an info of another day":  {shows(Info), later},
		"a WHOIS of another day":  {shows(WHOIS), later},
		"an RDAP of another day":  {shows(RDAP), later},
		"another delegation":      {shows(DNS), func(op *Op) { op.Seen = &Domain{Hosts: "ns3.linear.test"} }},
		"another balance":         {func(op *Op) bool { return op.Kind == Balance && op.Outcome == OK }, richer},
		"another local balance":   {func(op *Op) bool { return op.Kind == LocalBalance && op.Outcome == OK }, richer},
		"another deposit":         {func(op *Op) bool { return op.Kind == Deposit && op.Outcome == OK }, richer},
		"a serial of yesterday":   {func(op *Op) bool { return op.Kind == Serial && op.Outcome == OK && op.Call > int64(load/2) }, func(op *Op) { op.Serial = 0 }},
		"a domain without status": {func(op *Op) bool { return shows(Info)(op) && op.Seen.Statuses != "" }, func(op *Op) { seen := *op.Seen; seen.Statuses = ""; op.Seen = &seen }},
	} {
		candidates := slices.DeleteFunc(slices.Clone(h.Ops), func(op *Op) bool { return !lie.of(op) })
		if len(candidates) == 0 {
			t.Logf("%s: the run had none", what) // the run is short, and random
			continue
		}
		victim := candidates[random.IntN(len(candidates))]
		truth := *victim
		lie.tell(victim)
		if found := h.Check(); len(found) == 0 {
			t.Errorf("%s: not found out: %s instead of %s", what, victim, &truth)
		}
		*victim = truth
	}
}

func TestRoundRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ports, err := cluster.ReservePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Release)
	c, err := cluster.New(cluster.Options{Dir: dir, PortBase: ports.Base})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Names: maxNames + 1}, {Weather: []Weather{Isolate}}} {
		if h, err := Round(t.Context(), c, o); err == nil || h != nil {
			t.Errorf("%+v was held", o)
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	op := &Op{}
	if op.settle(errors.New("connection reset")); op.Outcome != Unknown {
		t.Errorf("a broken connection: %s", op.Outcome)
	}
	for _, row := range []struct {
		err  error
		want Outcome
	}{
		{nil, OK}, {&admin.Unanswered{Sent: true, Err: io.EOF}, Unknown}, {&admin.Unanswered{Err: io.EOF}, Refused},
		{&admin.Error{Status: http.StatusServiceUnavailable}, Refused}, {&admin.Error{Status: http.StatusGatewayTimeout}, Unknown}, {io.EOF, Unknown},
	} {
		if got := outcomeOf(row.err); got != row.want {
			t.Errorf("%v: %s, not %s", row.err, got, row.want)
		}
	}
}
