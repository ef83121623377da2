package eppcli

const (
	// maxEndpoints bounds the file that describes a cluster, in octets.
	maxEndpoints = 1 << 20
	// maxRaw bounds a file of frames, in octets.
	maxRaw = 16 << 20
)
