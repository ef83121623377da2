package publisher

const (
	// maxNames is how many marked names one publication looks at: signed, they about fill registry.MaxPlan, and
	// take the leader some 50 ms.
	maxNames = 800
	// maxUnsigned is the same for unsigned zones.
	maxUnsigned = 2000
	// maxRefreshed is how many signatures one publication makes anew.
	maxRefreshed = 500
	// maxStaged is how many names a part of an edition holds at most.
	maxStaged = 1000
)
