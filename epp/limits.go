package epp

import "time"

// What one frame may hold.
const (
	// MaxFrame bounds a data unit in octets, header included. A domain:create with a signed mark is about 20 KiB.
	MaxFrame = 64 << 10
	// MaxCheck bounds the objects of one check: some clients take an answer in
	// one read of 8 KiB, and fifty long names stay below that.
	MaxCheck = 50
	// MaxAuthInfo bounds authInfo, in characters; the schemas don't.
	MaxAuthInfo = 128
	// MaxEmail bounds an e-mail address, in octets (RFC 5321 §4.5.3.1.3, without the angle brackets).
	MaxEmail = 254
	// MaxEmailLocal bounds the part before the @, in octets (RFC 5321 §4.5.3.1.1).
	MaxEmailLocal = 64
	// MaxExtension bounds the x attribute of a telephone number, in characters; the schema doesn't.
	MaxExtension = 16
)

const (
	// maxFailedLogins is how many wrong logins a connection is good for (RFC 5730 §2.9.1.1).
	maxFailedLogins = 3
	// minPassword and maxPassword bound a password, in characters (RFC 5730 §4.1, pwType).
	minPassword, maxPassword = 6, 16
	// addressFailures is how many times as many wrong passwords as lock a registrar may come from one address within
	// the window, before it isn't listened to: several registrars may share one.
	addressFailures = 5
	// loginPatience is how long a login waits for its turn among those of its address, before 2502.
	loginPatience = 5 * time.Second
	// leaderlessHandshakes is how many handshakes a second a node makes while the cluster has no leader: 120 logins a
	// second at one site were seen to keep a loaded machine from electing one.
	leaderlessHandshakes = 10
	// maxServices bounds the URIs named at login: clients echo greetings of the largest registries.
	maxServices = 64
	// lingerTime and lingerOctets bound how long the rest of a refused frame is
	// read, so that the answer isn't lost to a reset.
	lingerTime   = time.Second
	lingerOctets = 1 << 20
	// sendBuffer is how many octets of answers the system keeps for a client that doesn't read: more than the largest
	// has. Of itself it would keep megabytes for each.
	sendBuffer = 128 << 10
	// acceptPause is how long to wait when the system has no more descriptors.
	acceptPause = 50 * time.Millisecond
)

// Limits are the bounds that an operator can set. A field that is nought has its default.
type Limits struct {
	Connections          int           // open at all, logged in or not; more are closed at once. Default Sessions and an eighth more, so that most clients hear 2502 and not nothing
	Sessions             int           // logged in; more are answered 2502. Default 4096: what a node's memory takes easily at 50 KiB each
	SessionsPerRegistrar int           // logged in with one clID; more are answered 2502. Default 256
	Handshakes           int           // at a time: each costs milliseconds of a core. Default 64
	HandshakeRate        int           // a second, in the order in which they come. Default 200: with the logins behind them, what a core or two can do
	HandshakeTime        time.Duration // waiting for a turn included. Default 10 s
	LoginTime            time.Duration // from greeting to successful login. Default 60 s
	FrameTime            time.Duration // from the first octet of a frame to its last. Default 15 s
	IdleTime             time.Duration // between commands of a session. Default 20 min: registrars keep sessions open over lunch
	WriteTime            time.Duration // for one answer: slow readers are dropped. Default 15 s
	CommandTime          time.Duration // for one command: above the node's 8 s of retries. Default 10 s
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Sessions, 4096)
	setDefault(&l.Connections, l.Sessions+l.Sessions/8+1)
	setDefault(&l.SessionsPerRegistrar, 256)
	setDefault(&l.Handshakes, 64)
	setDefault(&l.HandshakeRate, 200)
	setDefault(&l.HandshakeTime, 10*time.Second)
	setDefault(&l.LoginTime, 60*time.Second)
	setDefault(&l.FrameTime, 15*time.Second)
	setDefault(&l.IdleTime, 20*time.Minute)
	setDefault(&l.WriteTime, 15*time.Second)
	setDefault(&l.CommandTime, 10*time.Second)
	return l
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// What authorization information is by RFC 9154.
const (
	authInfoBits          = 128 // of entropy at least (§4.1)
	minAuthInfoCharacters = 8   // different ones: of twenty or more random characters, fewer are no accident
	saltOctets            = 16  // at least 128 bits (§4.3)
)
