package cluster

import "time"

const (
	// MaxSites is how many sites a cluster on one machine has at most: each has
	// one hundred ports of the block, and site numbers have one digit.
	MaxSites = 9

	// startTimeout bounds the wait for a started site's doors. A node that
	// replays a long log needs a few seconds; a slow machine several times that.
	startTimeout = 60 * time.Second

	// stopTimeout is what a site has, after SIGTERM, to hand over leadership and
	// close its sessions; then it is killed.
	stopTimeout = 20 * time.Second

	// killTimeout is what the kernel has to end a killed process.
	killTimeout = 10 * time.Second

	// pollInterval is between two looks at a condition that nobody announces.
	pollInterval = 25 * time.Millisecond

	// probeTimeout bounds one probe of one door.
	probeTimeout = 3 * time.Second

	// certificateValidity is long enough for a cluster made for development or a
	// test to outlive its use.
	certificateValidity = 2 * 365 * 24 * time.Hour

	// maxAnswer is the largest WHOIS or RDAP answer that is read, in bytes.
	maxAnswer = 1 << 20

	// sessionsByRegistrar is how many EPP sessions a registrar may have at a site: generous, for load from one machine.
	sessionsByRegistrar = 1000

	// minFreeDisk is the space that a cluster must find when it starts, in bytes:
	// three nodes' logs and states as they begin are under half of it.
	minFreeDisk = 64 << 20

	// logTail is how much of the end of a site's log is searched for the reason of
	// its death, in bytes.
	logTail = 8 << 10
)
