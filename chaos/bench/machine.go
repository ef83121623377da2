package bench

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine describes where the figures come from, in a line.
func machine() string {
	return fmt.Sprintf("%s, %d cores for everything (nodes and generator), %s/%s, kernel %s, %s",
		field("/proc/cpuinfo", "model name", "unknown processor"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, kernel(), runtime.Version())
}

// field is the first value of a key in a file of "key : value" lines, or other.
func field(path, key, other string) string {
	f, err := os.Open(path)
	if err != nil {
		return other
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return other
}

func kernel() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// syncTime is how long it takes to make 4 KiB durable at dir: every write of the registry waits for it at least twice.
func syncTime(dir string) (*Samples, error) {
	f, err := os.Create(filepath.Join(dir, ".sync-probe"))
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	var s Samples
	for range syncs {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		s.Add(time.Since(begin))
	}
	return &s, nil
}

// workTime is how long a fixed piece of work takes the processor: longer than at other times says that others were at work.
func workTime() time.Duration {
	block := make([]byte, 1<<20)
	begin := time.Now()
	for range workSize / len(block) {
		sum := sha256.Sum256(block)
		copy(block, sum[:])
	}
	return time.Since(begin)
}

// clockTick is the kernel's unit of processor time: USER_HZ, 100 on every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is the processor time that a process has used; false where the kernel has no /proc to tell.
func cpuTime(pid int) (time.Duration, bool) {
	s, ok := statOf(pid)
	return s.own, ok
}

// familyTime is the processor time that a process and its children have used, those that have ended included. It doesn't see grandchildren.
func familyTime(pid int) (total time.Duration) {
	s, _ := statOf(pid)
	total = s.own + s.ended
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range all {
		child, err := strconv.Atoi(filepath.Base(path))
		if s, ok := statOf(child); err == nil && ok && s.parent == pid {
			total += s.own
		}
	}
	return total
}

// processStat is of /proc/PID/stat (proc(5)).
type processStat struct {
	parent int
	own    time.Duration // processor time
	ended  time.Duration // of children that have ended and been waited for
}

func statOf(pid int) (s processStat, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, false
	}
	// The second field, the name in parentheses, may hold spaces: count from its end.
	_, rest, ok := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		return s, false
	}
	var n [5]int64
	for i, place := range []int{1, 11, 12, 13, 14} {
		if n[i], err = strconv.ParseInt(fields[place], 10, 64); err != nil {
			return s, false
		}
	}
	ticks := func(n int64) time.Duration { return time.Duration(n) * clockTick }
	return processStat{int(n[0]), ticks(n[1] + n[2]), ticks(n[3] + n[4])}, true
}

// usage is the processor time of the nodes and of this process, at some moment.
type usage struct{ nodes, generator time.Duration }

func usageOf(pids []int) (u usage) {
	for _, pid := range pids {
		d, _ := cpuTime(pid)
		u.nodes += d
	}
	u.generator, _ = cpuTime(os.Getpid())
	return u
}

// since says what n operations from then to now have cost.
func (u usage) since(then usage, n int, elapsed time.Duration) string {
	if n == 0 || u.nodes == then.nodes {
		return "no figures for processor time"
	}
	per := func(d time.Duration) string {
		return fmt.Sprintf("%.3f ms", float64(d.Microseconds())/1000/float64(n))
	}
	busy := 100 * float64(u.nodes-then.nodes+u.generator-then.generator) / float64(elapsed) / float64(runtime.NumCPU())
	return fmt.Sprintf("processor time each: nodes together %s, generator %s; cores busy with both %.0f %%",
		per(u.nodes-then.nodes), per(u.generator-then.generator), busy)
}

// minProcessors is how many goroutines of a generator may run at once at the least, on however few cores: the system shares those out fairly,
// while a goroutine that waits for another of its own process would count as the cluster's slowness.
const minProcessors = 4

// TuneRuntime prepares the process for generating load. Whoever sets GOMAXPROCS knows better.
func TuneRuntime() {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < minProcessors {
		runtime.GOMAXPROCS(minProcessors)
	}
}
