package transport

import "time"

// What one message may hold.
const (
	// MaxMessage is the largest request or reply of an RPC, and the largest request of a bulk transfer, in bytes. A forwarded batch
	// of a thousand EPP commands is about 2 MiB; what is larger than this belongs on bulk.
	MaxMessage = 16 << 20

	// MaxMethod is the longest method name in bytes. Its length travels in one byte; the rest is for readable logs.
	MaxMethod = 64

	// MaxErrorCode is the longest code of a CodedError in bytes: a word for a program to compare.
	MaxErrorCode = 64

	// MaxErrorMessage is how many bytes of an error's text travel back to the caller: enough for a wrapped chain, too little to
	// fill a log. Longer texts are cut.
	MaxErrorMessage = 1024

	// eagerBody is how much is allocated on the word of a length field alone, in bytes. Beyond it memory grows with what has arrived.
	eagerBody = 64 << 10

	// maxChunk is the largest piece of a bulk transfer that a reader accepts, in bytes; writers send writeChunk.
	maxChunk = 1 << 20

	// writeChunk is the piece in which bulk transfers are sent, in bytes: big enough that framing costs nothing, small enough to
	// give the first bytes away early.
	writeChunk = 64 << 10
)

// What one peer may have open here. Beyond any of them a stream is refused at once with CodeBusy.
const (
	// maxCallsPerPeer bounds the RPCs being served for one peer. At 80 ms between sites a forwarded write takes two round trips, so
	// this is about 12,000 writes a second from one node, several times the goal.
	maxCallsPerPeer = 2048

	// maxRequestBytesPerPeer bounds the memory held by the requests being served for one peer, in bytes: two of the largest, or
	// 16 KiB for each of maxCallsPerPeer.
	maxRequestBytesPerPeer = 2 * MaxMessage

	// maxBulkPerPeer bounds the bulk transfers being served for one peer: each reads a whole state file, one is the rule.
	maxBulkPerPeer = 16

	// maxRaftStreamsPerPeer bounds the raft streams from one peer. raft keeps a pool of three, one pipeline and one snapshot.
	maxRaftStreamsPerPeer = 128

	// maxStreams is what QUIC itself allows a peer to open on one connection. It is above the bounds by protocol, so that those are
	// met first: they say which protocol was busy.
	maxStreams = 2 * maxCallsPerPeer
)

// claimTime is for how long a node's process whose certificate has been checked counts as connected: by then it is, or has failed.
const claimTime = 100 * time.Millisecond

// Handshakes of strangers: anyone can send an Initial packet.
const (
	// maxHandshakes is how many inbound handshakes may be unfinished at a time; more are refused. A cluster of 30 nodes that starts
	// at the same instant makes 90.
	maxHandshakes = 256

	// retryHandshakes is from how many unfinished handshakes on a stranger must first show that its address is its own (RFC 9000
	// §8.1.2), at the price of a round trip.
	retryHandshakes = 64
)

// How long one step may take.
const (
	// DefaultDialTimeout is Config.DialTimeout when it is zero: a handshake takes one round trip, and one lost packet costs 0.2 to
	// 0.6 s more.
	DefaultDialTimeout = time.Second

	// DefaultIdleTimeout is Config.IdleTimeout when it is zero. See there.
	DefaultIdleTimeout = time.Second

	// DefaultKeepAlive is Config.KeepAlive when it is zero: four chances within the idle timeout.
	DefaultKeepAlive = 250 * time.Millisecond

	// DefaultCloseTimeout is Config.CloseTimeout when it is zero: a commit takes well under a second, waiting longer for one that
	// hangs helps nobody.
	DefaultCloseTimeout = 2 * time.Second

	// messageTimeout is how long a request may take to arrive whole, and a reply to be taken, before the stream is given up: 16 MiB
	// at 0.5 MB/s. Callers have their own, shorter deadlines; this one is for a peer that hangs without giving up.
	messageTimeout = 30 * time.Second

	// lingerMargin is added to two round trips when Close lets the last replies reach their callers: the peer may hold its
	// acknowledgements back for 25 ms (RFC 9000 §18.2, max_ack_delay), and a lost packet is sent again within about as much.
	lingerMargin = 50 * time.Millisecond

	// chunkTimeout is how long the reader of a bulk transfer may refuse to take one chunk before the transfer is given up. A site
	// that writes its state file to a slow disk pauses for seconds, not for this long.
	chunkTimeout = 30 * time.Second
)

// Flow control, in bytes. quic-go starts at 512 KiB and doubles as it learns; a batch of 1,024 raft entries is that large already, and
// learning costs round trips of 80 ms.
const (
	initialStreamWindow     = 2 << 20
	initialConnectionWindow = 4 << 20
	maxStreamWindow         = 16 << 20 // 200 MB/s at 80 ms
	maxConnectionWindow     = 32 << 20
)

// socketBuffer is the size wanted for the UDP socket's receive and send buffers, in bytes: quic-go's own wish, about 50 ms at 145 MB/s.
const socketBuffer = 7 << 20

// Repeated events (a refused stranger, a peer that is down) are logged once per noticeInterval and kind; what was left out is counted.
const (
	noticeInterval = time.Minute

	// maxNotices bounds the kinds remembered: strangers choose their addresses. Past it all are forgotten, and logged anew.
	maxNotices = 1024
)
