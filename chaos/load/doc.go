// Package load is clients: a generator of EPP commands over many connections, a
// journal of what it sent and was told, and a verifier that holds every node
// against the journal. All of it goes through the front doors.
//
// A journal's entry is in its file before the command's first octet is sent,
// and the answer's before the next command of that connection. So whatever
// happens to the generator's process, nothing that was sent is missing; an answer that
// is missing makes its command's outcome unknown, never wrong. The file is
// not synced: after a crash of the machine its end may be gone.
package load
