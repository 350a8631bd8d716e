package testenv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are taken from below the range from which Linux hands out the local ends of connections (32768 to 60999):
// inside it a leftover connection of an earlier test can hold the port of a server.
const (
	firstPort = 20000
	lastPort  = 32000
)

// handedOut holds the ports that this process has given away: between that and the server's own listening, a probe
// would find them free.
var handedOut = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// FreePort returns a TCP port of 127.0.0.1 on which nothing listens, never the same one twice. Another process may
// still take it before it is used, so whoever starts a server on it must be ready to try another.
func FreePort() (int, error) {
	ln, err := listen()
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}

// listen opens a listener on a free port of 127.0.0.1, starting from a random one so that processes running at once
// seldom try the same.
func listen() (net.Listener, error) {
	handedOut.Lock()
	defer handedOut.Unlock()
	var errs []error
	port := firstPort + rand.IntN(lastPort-firstPort)
	for range lastPort - firstPort {
		if port++; port >= lastPort {
			port = firstPort
		}
		if handedOut.ports[port] {
			continue
		}
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			handedOut.ports[port] = true
			return ln, nil
		}
		if errs = append(errs, err); len(errs) == 500 {
			break
		}
	}
	return nil, fmt.Errorf("no free port between %d and %d, stop what listens there: %w", firstPort, lastPort, errors.Join(errs[max(0, len(errs)-3):]...))
}

// retryPorts calls start again, with new ports, for as long as somebody else was faster to take them.
func retryPorts(start func() error) error {
	var err error
	for range 5 {
		if err = start(); !portTaken(err) {
			return err
		}
	}
	return err
}
