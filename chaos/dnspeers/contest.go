package dnspeers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// Options say how name servers are compared.
type Options struct {
	Binary string // Quorate's
	Dir    string // for the zone and the servers' files
	Names  int    // delegations in the zone
	Rounds int
	Burst  time.Duration // length of a server's turn
	Start  time.Duration // how long a server may take to its first answer
}

// discipline is one way of asking.
type discipline struct {
	name   string
	signed bool
	tcp    bool
}

var disciplines = []discipline{
	{"unsigned zone, UDP", false, false}, {"signed zone, DO set, UDP", true, false},
	{"unsigned zone, TCP", false, true}, {"signed zone, DO set, TCP", true, true},
}

// Contest serves one zone with each server and lets them answer in turns, each alone on one processor while the generator has another.
// Its tables go to out.
func Contest(ctx context.Context, o Options, out io.Writer) (err error) {
	peers, missing := Peers()
	if len(missing) > 0 {
		fmt.Fprintf(out, "Not installed, so not compared: apt-get install %s\n", strings.Join(missing, " "))
	}
	kinds := append([]Kind{Quorate(o.Binary)}, peers...)
	dir, err := os.MkdirTemp(o.Dir, "dns-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, generator := processors()
	if err := pinSelf(generator); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pinSelf(-1)) }()
	for _, k := range kinds {
		fmt.Fprintf(out, "%s: %s\n", k.Name, k.Version())
	}
	for _, signed := range []bool{false, true} {
		zone := Zone{Names: o.Names, Signed: signed, Seed: 1}
		path := filepath.Join(dir, fmt.Sprintf("signed-%v.zone", signed))
		if err := zone.Write(path); err != nil {
			return err
		}
		if err := o.serve(ctx, kinds, zone, path, server, out); err != nil {
			return err
		}
	}
	return nil
}

// serve has all servers serve a zone at once; whose turn it isn't is idle.
func (o Options) serve(ctx context.Context, kinds []Kind, zone Zone, path string, cpu int, out io.Writer) (err error) {
	var servers []*Server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.Stop())
		}
	}()
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "\n%d delegations, signed: %v\n", zone.Names, zone.Signed)
	fmt.Fprintln(t, "SERVER\tFIRST ANSWER\tMEMORY OF ITS OWN\tMAPPED FILES\tA NAME")
	for _, k := range kinds {
		s, err := Start(ctx, k, path, cpu, o.Start)
		if err != nil {
			return err
		}
		servers = append(servers, s)
		own, files := s.Memory()
		fmt.Fprintf(t, "%s\t%v\t%d MiB\t%d MiB\t%d B\n", k.Name, s.Started.Round(time.Millisecond), own>>20, files>>20, (own+files)/int64(zone.Names))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	queries, err := zone.Queries(100_000, zone.Signed)
	if err != nil {
		return err
	}
	for _, d := range disciplines {
		if d.signed == zone.Signed {
			if err := o.rounds(ctx, servers, queries, d, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// rounds lets each server answer in turn, round after round, so that what else the machine does hits all alike.
func (o Options) rounds(ctx context.Context, servers []*Server, queries [][]byte, d discipline, out io.Writer) error {
	ask := UDP
	if d.tcp {
		ask = TCP
	}
	loads := make([][]Load, len(servers))
	var others []float64
	for round := range o.Rounds + 1 {
		for i, s := range servers {
			busy, own := machineCPU(), selfCPU()
			l, err := ask(ctx, s, queries, o.Burst)
			if err != nil {
				return err
			}
			if round == 0 {
				continue // to warm up
			}
			loads[i] = append(loads[i], l)
			others = append(others, (machineCPU()-busy-(selfCPU()-own)-l.CPU).Seconds()/l.Elapsed.Seconds())
		}
	}
	slices.Sort(others)
	fmt.Fprintf(out, "\n%s: %d bursts of %v each, in turns; others used %.2f processors (median; at most %.2f)\n", d.name, o.Rounds, o.Burst, others[len(others)/2], others[len(others)-1])
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVER\tANSWERS/S\tLEAST\tMOST\tCPU AN ANSWER\tANSWERS/S OF A WHOLE PROCESSOR\tQUORATE IS\tOCTETS\tLOST\tWRONG")
	first := 0.0
	for i, s := range servers {
		var rates, costs []float64
		var lost, wrong, octets, answers int64
		for _, l := range loads[i] {
			rates, costs = append(rates, l.Rate()), append(costs, float64(l.PerAnswer().Nanoseconds()))
			lost, wrong, octets, answers = lost+l.Lost, wrong+l.Wrong, octets+l.Octets, answers+l.Answers
		}
		slices.Sort(rates)
		slices.Sort(costs)
		cost := costs[len(costs)/2]
		if i == 0 {
			first = cost
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.0f\t%.2f µs\t%.0f\t%.2f ×\t%d\t%d\t%d\n", s.Kind.Name, rates[len(rates)/2], rates[0], rates[len(rates)-1],
			cost/1000, 1e9/cost, cost/first, octets/max(1, answers), lost, wrong)
	}
	return t.Flush()
}

// processors are the ones for the server and for the generator; below 0 where there is only one.
func processors() (server, generator int) {
	if _, err := exec.LookPath("taskset"); err != nil {
		return -1, -1
	}
	b, err := os.ReadFile("/sys/devices/system/cpu/online")
	if text := strings.TrimSpace(string(b)); err != nil || text == "0" {
		return -1, -1
	}
	return 1, 0
}

// pinSelf keeps this process to a processor; below 0: to any.
func pinSelf(cpu int) error {
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return nil
	}
	which := strconv.Itoa(cpu)
	if cpu < 0 {
		b, err := os.ReadFile("/sys/devices/system/cpu/online")
		if err != nil {
			return nil
		}
		which = strings.TrimSpace(string(b))
	}
	if out, err := exec.Command(taskset, "-a", "-c", "-p", which, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("taskset: %w: %s", err, out)
	}
	return nil
}

// machineCPU is the processor time that the machine has used for anything but waiting.
func machineCPU() (total time.Duration) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(line) {
		// user nice system idle iowait irq softirq steal
		if i == 0 || i == 4 || i == 5 || i > 8 {
			continue
		}
		n, _ := strconv.ParseInt(f, 10, 64)
		total += time.Duration(n) * clockTick
	}
	return total
}

func selfCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
