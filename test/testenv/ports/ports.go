// Package ports finds TCP ports for the servers that tests start, so that processes that test at the same time never
// choose the same one. It imports the standard library only.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"sync"
)

// Ports are taken from below the range from which Linux hands out the local ends of connections (32768 to 60999):
// inside it a leftover connection of an earlier test can hold the port of a server.
const (
	first = 20000
	last  = 32000
)

// handedOut holds the ports that this process has given away, for as long as it lives: between that and the server's
// own listening, a probe would find them free.
var handedOut = struct {
	sync.Mutex
	marks map[int]net.Listener
}{marks: map[int]net.Listener{}}

// Free returns a TCP port of 127.0.0.1 on which nothing listens, never the same one twice while this process lives, nor
// one that another process on Linux has from here. A program that takes its ports otherwise may still be faster, so
// a caller that can start a server again on another port does.
func Free() (int, error) {
	ln, err := Listen()
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}

// Pair is what two calls of Free return.
func Pair() (one, other int, err error) {
	if one, err = Free(); err != nil {
		return 0, 0, err
	}
	other, err = Free()
	return one, other, err
}

// Listen opens a listener on a free port of 127.0.0.1. Once it is closed, the port is as one that Free returned.
func Listen() (net.Listener, error) {
	handedOut.Lock()
	defer handedOut.Unlock()
	var errs []error
	port := first + rand.IntN(last-first)
	for range last - first {
		if port++; port >= last {
			port = first
		}
		if _, ours := handedOut.marks[port]; ours {
			continue
		}
		taken, err := mark(port)
		if err != nil {
			continue // of another process
		}
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			handedOut.marks[port] = taken
			return ln, nil
		}
		if taken != nil {
			err = errors.Join(err, taken.Close())
		}
		if errs = append(errs, err); len(errs) == 500 {
			break
		}
	}
	return nil, fmt.Errorf("no free port between %d and %d, stop what listens there: %w", first, last,
		errors.Join(errs[max(0, len(errs)-3):]...))
}

// mark tells other processes that a port is given away: by a Unix socket without a file (unix(7), abstract), which ends
// with the process. Only Linux has them; nil elsewhere.
func mark(port int) (net.Listener, error) {
	if runtime.GOOS != "linux" {
		return nil, nil
	}
	return net.Listen("unix", fmt.Sprintf("@drover-test-port-%d", port))
}
