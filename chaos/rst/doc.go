// Package rst tells whether a deployment would pass the EPP part of ICANN's
// Registry System Testing, version 2: the cases of the StandardEPP suite and
// those of the SRS gateway, each against any server, as a stranger sees it. It
// speaks EPP and RDAP and knows nothing of what answers. Whatever a server
// sends is held against the XML schemas, if they are at hand.
//
// The specification is ICANN's (rst-test-specs, v2026.05); the rows of data that
// its cases are fed with are read from ICANN's own files where those are at
// hand, and there are rows of our own besides.
package rst
