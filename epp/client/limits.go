package client

import "time"

const (
	// MaxFrame bounds an answer, in octets. Servers of other make than ours may be more talkative than ours is.
	MaxFrame = 1 << 20
	// DefaultTimeout bounds an exchange whose context has no deadline: above the 20 s at which ICANN counts EPP as unanswered.
	DefaultTimeout = 30 * time.Second
)
