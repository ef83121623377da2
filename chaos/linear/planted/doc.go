// Package planted shows that chaos/linear finds bugs: its tests build the binary
// with each of fsm/bugs planted, and want a violation of the kind that the bug
// causes. They take longer than the others, and are run by make test-bugs.
package planted
