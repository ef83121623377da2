package whois

import "time"

const (
	// MaxQuery is the longest query in octets, without the end of its line: the longest keyword and
	// registrar name that make sense fit twice. RFC 3912 sets no bound.
	MaxQuery = 512
	// readTimeout is how long a client may take for its one line, from the connection's beginning.
	readTimeout = 10 * time.Second
	// writeTimeout bounds the sending of an answer, which is a few kilobytes.
	writeTimeout = 10 * time.Second
	// lingerTimeout is how long the client may take to close after the answer. Closing before it, with
	// octets unread, would reset the connection and could take the answer with it.
	lingerTimeout = time.Second
	// maxLinger is how many octets beyond the query are read and thrown away for the same reason.
	maxLinger = 64 << 10
	// refuseTimeout bounds the line that a client over the limit gets; it fits the empty send buffer, so
	// the write does not really wait.
	refuseTimeout = 100 * time.Millisecond
	// drainTimeout is how long Serve waits for answers under way when its context ends.
	drainTimeout = 5 * time.Second
	// maxLegal bounds the legal text, in octets: it goes with every answer.
	maxLegal = 16 << 10
)
