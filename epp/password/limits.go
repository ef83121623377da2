package password

import "time"

// The cost of a hash: the first choice of OWASP for argon2id where memory is scarce, about 30 ms of one core.
const (
	memory  = 19456 // KiB
	passes  = 2
	threads = 1
	saltLen = 16 // octets
	keyLen  = 32 // octets
)

// The most that a stored hash may ask for: a hash is policy, not a way to take a node down.
const (
	maxMemory = 256 << 10 // KiB
	maxPasses = 16
	maxKeyLen = 64 // octets
)

const (
	// QueuePerSlot bounds how many verifications may wait for each that runs: about three seconds' worth.
	QueuePerSlot = 100
	// Remembered is how long a password that was right need not be hashed again. Sessions come in
	// bursts; a changed hash, certificate or password is another entry, so this is not how long a change takes.
	Remembered = 5 * time.Minute
	// MaxRemembered bounds the entries remembered, each of 32 octets and a time.
	MaxRemembered = 4096
)
