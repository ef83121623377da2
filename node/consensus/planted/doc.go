// Package planted shows that the simulation of node/consensus finds bugs: its
// test runs the simulation with each of fsm/bugs planted, and wants it to fail.
// It builds a test binary for each, which takes longer than other tests; make test-bugs runs it.
package planted
