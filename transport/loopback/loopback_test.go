package loopback

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The test program, started with this variable set, prints a port and holds on to its share until its input ends.
const asked = "QUORATE_TEST_PRINT_PORT"

func TestMain(m *testing.M) {
	if os.Getenv(asked) == "" {
		os.Exit(m.Run())
	}
	port, err := Port()
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(strconv.Itoa(int(port)) + "\n")
	os.Stdin.Read(make([]byte, 1))
}

// Processes that run at once have different ports, even before anybody listens.
func TestProcessesHaveDifferentPorts(t *testing.T) {
	t.Parallel()
	mine, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	shares := map[int]bool{(int(mine) - First) / share: true}
	for range 4 {
		other := exec.Command(os.Args[0])
		other.Env = append(os.Environ(), asked+"=1")
		hold, err := other.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := other.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			hold.Close()
			if err := other.Wait(); err != nil {
				t.Error(err)
			}
		})
		line := make([]byte, 6)
		n, err := out.Read(line)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
		if err != nil {
			t.Fatal(err)
		}
		if s := (port - First) / share; shares[s] {
			t.Errorf("port %d is of a share that another process has", port)
		} else {
			shares[s] = true
		}
	}
}

// No port is given twice until all of the share had their turn, and none that somebody uses, be it on UDP or TCP.
func TestPortsAreFree(t *testing.T) {
	t.Parallel()
	seen := map[uint16]bool{}
	for range share / 2 {
		port, err := Port()
		if err != nil {
			t.Fatal(err)
		}
		if port < First || port > Last || seen[port] {
			t.Fatalf("port %d, after %v", port, seen)
		}
		seen[port] = true
	}
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if free(int(port)) {
		t.Errorf("port %d is used on UDP, and said to be free", port)
	}
	if port, err = Port(); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if free(int(port)) {
		t.Errorf("port %d is used on TCP, and said to be free", port)
	}
}
