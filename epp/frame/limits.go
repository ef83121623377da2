package frame

const (
	// bufferSize holds a usual command whole, so that it takes one read; it is paid for every connection.
	bufferSize = 4 << 10
	// step is how much memory a unit gets ahead of its arrival.
	step = 16 << 10
)
