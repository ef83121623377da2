package node

import (
	"os"
	"runtime"
)

// How Go's runtime is set for a node. Whoever sets GOGC or GOMAXPROCS knows better.

// ballastSize is what the collector takes for live memory besides what is: it
// collects when the heap has doubled, and with little alive that is many times a second.
const ballastSize = 64 << 20

// ballast is never touched, so it takes address space and no memory.
var ballast []byte

// minProcessors is how many goroutines may run at once at the least, on however few cores: a node's are often in the middle of making
// something durable, and an answer that is ready must not wait until the runtime notices. The system shares the cores fairly.
const minProcessors = 4

// tuneRuntime makes the collector run less often in a node with a small heap, at the cost of up to
// ballastSize octets of garbage, and lets more goroutines run at once than a small machine has cores.
func tuneRuntime() {
	if os.Getenv("GOGC") == "" && ballast == nil {
		ballast = make([]byte, ballastSize)
	}
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < minProcessors {
		runtime.GOMAXPROCS(minProcessors)
	}
}
