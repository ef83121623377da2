// Package chaos and those below it treat a cluster as a black box: they start
// real processes of the built binary, talk to their front doors and the admin
// API, break them from outside, and judge what comes back. Nothing here reaches
// into a node's insides.
//
//   - cluster lays out, starts, kills and provisions a cluster of processes.
//   - chaoscli has the commands `quorate dev` and `quorate bench`.
//   - bench measures a cluster through its front doors.
//   - load puts it under a load of EPP commands, and holds it against a journal of
//     what the clients were told.
//   - e2e has the end-to-end tests.
package chaos
