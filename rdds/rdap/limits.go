package rdap

import (
	"time"

	"quorate/rdds"
)

const (
	// maxPath is the longest path read, in octets, below the base URL: a registrar's name with every octet
	// escaped.
	maxPath = 3*rdds.MaxRegistrarName + len("nameserver/")
	// maxHeader bounds a request's line and header, in octets; it leaves room for maxPath and what
	// browsers send.
	maxHeader = 16 << 10
	// headerTimeout is how long a client may take to send a request.
	headerTimeout = 10 * time.Second
	// writeTimeout bounds a whole exchange; an answer is some kilobytes.
	writeTimeout = 20 * time.Second
	// idleTimeout is how long a connection is kept for a further request.
	idleTimeout = 60 * time.Second
	// drainTimeout is how long Serve waits for answers under way when its context ends.
	drainTimeout = 5 * time.Second
	// maxLegal bounds the terms of service as text, in octets: they go with every answer.
	maxLegal = 16 << 10
)
