// Package linear judges whether a cluster under faults behaves as one registry.
// Clients at all sites hammer a few names and accounts through the front doors
// while sites are killed and paused; what each asked and was told is a history.
// A history is right if some order of its commands, each at a moment between its
// call and its answer, explains every answer (linearizability), and if each
// replica's own view, which may be late, moves through the same states in the
// same order. DESIGN.md has the model and what it leaves out.
package linear
