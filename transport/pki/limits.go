package pki

import "time"

const (
	// MaxClusterName is the length of a cluster's name in bytes: it is the host of a URI, of the size of one DNS label.
	MaxClusterName = 63

	// MaxName is the length of a node's, registrar's or operator's name in bytes. It is far above what EPP allows for a client
	// identifier (RFC 5730 §4.1, clIDType: 16 characters) and keeps log lines and file names readable.
	MaxName = 64

	// MaxPEMFile is the largest certificate or key file that is read, in bytes. A chain of three ECDSA certificates is under 4 KiB;
	// the bound keeps a wrong path (a device, a database) from filling memory.
	MaxPEMFile = 1 << 20

	// backdate is how far before its making a certificate becomes valid: nodes whose clocks are behind the issuer's by less than this
	// accept it at once.
	backdate = time.Hour
)
