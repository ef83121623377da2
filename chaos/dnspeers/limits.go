package dnspeers

import "time"

const (
	// clockTick is the kernel's unit of processor time: USER_HZ, 100 on every architecture that Go runs on.
	clockTick = 10 * time.Millisecond
	// probeTime and probeEvery bound a look whether a server has started.
	probeTime  = 200 * time.Millisecond
	probeEvery = 5 * time.Millisecond
	// stopTime is how long a server may take to end before it is killed.
	stopTime = 10 * time.Second
	// batch is how many datagrams one system call of the generator sends or receives.
	batch = 64
	// window is how many UDP queries are on their way at once: enough to keep a server busy, few enough to fit its socket.
	window = 512
	// patience is after which queries on their way are given up as lost.
	patience = 250 * time.Millisecond
	// tcpConnections and tcpWindow are how many connections there are at once, and queries on their way in each.
	tcpConnections = 16
	tcpWindow      = 32
	// askTogether is how many questions of a corpus are on their way at once, askPatience how long all of them may take, and askTries how
	// often one is asked again.
	askTogether = 32
	askPatience = 2 * time.Second
	askTries    = 3
	// Bounds of what can be asked for.
	MaxNames  = 20_000_000
	MaxRounds = 100
	MaxBurst  = time.Minute
)
