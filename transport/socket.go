//go:build unix

package transport

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// listenUDP opens the node's one socket and enlarges its buffers as far as the system allows.
func listenUDP(address string, logger *slog.Logger) (*net.UDPConn, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	silenceBufferWarning()
	if err := enlargeBuffers(conn); err != nil {
		logger.Info("UDP socket buffers are smaller than wanted: bulk transfers may be slow",
			"error", err, "remedy", fmt.Sprintf("sysctl -w net.core.rmem_max=%d net.core.wmem_max=%d", socketBuffer, socketBuffer))
	}
	return conn, nil
}

// silenceBufferWarning keeps quic-go from printing its own warning with package log: listenUDP logs the same. This variable is the
// switch that quic-go offers.
var silenceBufferWarning = sync.OnceFunc(func() { os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") })

// enlargeBuffers returns an error if a buffer stays below socketBuffer. The kernel cuts silently, so it is asked what it gave.
func enlargeBuffers(conn *net.UDPConn) error {
	if err := conn.SetReadBuffer(socketBuffer); err != nil {
		return err
	}
	if err := conn.SetWriteBuffer(socketBuffer); err != nil {
		return err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	receive, err := bufferSize(raw, unix.SO_RCVBUF)
	if err != nil {
		return err
	}
	send, err := bufferSize(raw, unix.SO_SNDBUF)
	if err != nil {
		return err
	}
	if receive < socketBuffer || send < socketBuffer {
		return fmt.Errorf("wanted %d bytes, got %d to receive and %d to send", socketBuffer, receive, send)
	}
	return nil
}

func bufferSize(raw syscall.RawConn, option int) (size int, err error) {
	controlErr := raw.Control(func(fd uintptr) { size, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, option) })
	if controlErr != nil {
		return 0, controlErr
	}
	return size, err
}
