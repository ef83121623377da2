// Package transport connects the nodes of a cluster: QUIC on one UDP port per node, TLS 1.3, mutual certificates.
//
// It carries three protocols, each on its own connection per pair of nodes and direction of dialling, told apart by ALPN: raft
// (a raft.StreamLayer), RPC (one request, one reply, one stream) and bulk (one request, a long stream back). It knows nodes by id
// alone; where an id is to be reached is the business of a Resolver, and who is a member that of Config.Authorize.
//
// DESIGN.md in this folder says what was chosen and what was rejected.
package transport
