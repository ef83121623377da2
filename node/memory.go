package node

import "os"

// ballastSize is what the collector takes for live memory besides what is: it
// collects when the heap has doubled, and with little alive that is many times a second.
const ballastSize = 64 << 20

// ballast is never touched, so it takes address space and no memory.
var ballast []byte

// calmCollector makes the collector run less often in a node with a small heap, at the cost of up to
// ballastSize octets of garbage. Whoever sets GOGC knows better.
func calmCollector() {
	if os.Getenv("GOGC") == "" && ballast == nil {
		ballast = make([]byte, ballastSize)
	}
}
