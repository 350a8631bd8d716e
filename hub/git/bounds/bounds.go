package bounds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/drover-dev/drover/hub/git/object"
)

// Bounds are what a server may make the hub take. A pack of a few megabytes can unfold to any size, and what is
// refused must be refused before go-git unfolds it: it applies deltas in memory and sets no bounds.
type Bounds struct {
	Advertised int64 // bytes in which a server lists its refs
	Refs       int   // that it lists
	Received   int64 // bytes of one pack
	Objects    int64 // in one pack
	Object     int64 // bytes of one object
	Unfolded   int64 // bytes of all objects of one pack, beyond ratio times its own size; see packCheck
	Ratio      int64
}

// Default are far beyond the repository of a fleet: GitHub takes no larger file, and 16 GiB are 3,000 versions
// of a file of 5 MiB.
var Default = Bounds{Advertised: 40 << 20, Refs: 500_000, Received: 4 << 30, Objects: 8_000_000,
	Object: 100 << 20, Unfolded: 16 << 30, Ratio: 100}

// ExcessError says that a repository exceeds the bounds.
type ExcessError struct{ what string }

// Error implements error.
func (e *ExcessError) Error() string { return e.what }

// ExcessAdvice is what to do about an ExcessError.
const ExcessAdvice = "take what is large out of the branch's history (git filter-repo), or follow another branch or repository"

// boundsKey is where a context has the bounds of the request that is made with it.
type boundsKey struct{}

// Bounded is the context for requests to a server.
func (b Bounds) Bounded(ctx context.Context) context.Context {
	return context.WithValue(ctx, boundsKey{}, b)
}

// Asking is the bounds of a connection over which refs are listed and nothing is fetched.
func (b Bounds) Asking() Bounds {
	b.Received = 0
	return b
}

// meters are those of connections that go-git makes over ssh, by the number that stands in the URL of their dialer:
// it has no other way to say something to that.
var meters sync.Map

var metersMade atomic.Uint64

// meter bounds what is received over connections.
type meter struct {
	left     atomic.Int64
	exceeded atomic.Bool
}

// NewMeter makes a meter for the connections of one transfer, and gives its number.
func NewMeter(most int64) (id string, m *meter, done func()) {
	m = &meter{}
	m.left.Store(most)
	id = strconv.FormatUint(metersMade.Add(1), 10)
	meters.Store(id, m)
	return id, m, func() { meters.Delete(id) }
}

// meteredConn is a connection that breaks when too much was received.
type meteredConn struct {
	net.Conn
	meter *meter
}

// Read implements net.Conn.
func (c meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.meter.left.Add(-int64(n)) < 0 {
		c.meter.exceeded.Store(true)
		return 0, &ExcessError{"the server sends too much"}
	}
	return n, err
}

// boundedStorer is go-git's storage of a mirror, which refuses packs that exceed the bounds.
type boundedStorer struct {
	*filesystem.Storage
	bounds Bounds
}

// Within bounds what a storage takes.
func (b Bounds) Within(s storage.Storer) (storage.Storer, error) {
	files, ok := s.(*filesystem.Storage)
	if !ok {
		return nil, fmt.Errorf("the mirror is kept in a %T, whose size cannot be bounded", s)
	}
	return boundedStorer{files, b}, nil
}

// PackfileWriter implements storer.PackfileWriter.
func (s boundedStorer) PackfileWriter() (io.WriteCloser, error) {
	w, err := s.Storage.PackfileWriter()
	if err != nil {
		return nil, err
	}
	r, pipe := io.Pipe()
	p := &packWriter{to: w, check: pipe, most: s.bounds.Received, verdict: make(chan error, 1)}
	go func() {
		largest, err := weighPack(r, s.bounds)
		p.largest = largest
		_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		p.verdict <- err
	}()
	return p, nil
}

// heldBack is how much of a pack is kept from go-git until it was checked: its checksum and the end of its last
// object. Without these go-git ends with an error, before it applies any delta.
const heldBack = 64

// packWriter passes a pack on to go-git while it is checked.
type packWriter struct {
	to      io.WriteCloser
	check   *io.PipeWriter
	most    int64
	size    int64
	tail    []byte // the last heldBack bytes
	largest int64  // bytes of its largest object; it may be read after verdict was
	verdict chan error
	failed  error
}

// largeTurn is held by who unfolds a pack with large objects: go-git takes several times the size of an object for
// that.
var largeTurn = make(chan struct{}, 1)

// Write implements io.Writer.
func (p *packWriter) Write(data []byte) (int, error) {
	if p.failed != nil {
		return 0, p.failed
	}
	if p.size += int64(len(data)); p.size > p.most {
		p.failed = &ExcessError{fmt.Sprintf("the server sends more than %d MiB at once", p.most>>20)}
		return 0, p.failed
	}
	if _, err := p.check.Write(data); err != nil {
		if p.failed = <-p.verdict; p.failed == nil {
			p.failed = errors.New("the pack goes on behind its end")
		}
		return 0, p.failed
	}
	p.tail = append(p.tail, data...)
	if n := len(p.tail) - heldBack; n > 0 {
		if _, err := p.to.Write(p.tail[:n]); err != nil {
			p.failed = err
			return 0, err
		}
		p.tail = append(p.tail[:0], p.tail[n:]...)
	}
	return len(data), nil
}

// Close implements io.Closer.
func (p *packWriter) Close() error {
	_ = p.check.Close()
	if p.failed == nil && p.size > 0 {
		if p.failed = <-p.verdict; p.failed == nil && p.largest > cachedObject {
			largeTurn <- struct{}{}
			defer func() { <-largeTurn }()
		}
	}
	if p.failed == nil {
		_, p.failed = p.to.Write(p.tail)
	}
	if err := p.to.Close(); p.failed == nil {
		return err
	}
	return p.failed
}

// refusal is the file in the folder for the mirror that names the commit which exceeded the bounds, so that it is not
// fetched again: a line with the commit and the bounds, and one that says why.
const refusal = "refused"

// Refused says why a commit is not fetched again; nil if it may be.
func (b Bounds) Refused(dir string, id object.Hash) error {
	data, err := os.ReadFile(filepath.Join(dir, refusal))
	if err != nil {
		return nil
	}
	head, why, _ := strings.Cut(string(data), "\n")
	if head != b.of(id) {
		return nil
	}
	return &ExcessError{strings.TrimSpace(why)}
}

// Refuse notes that a commit exceeds the bounds. That it cannot be noted costs another fetch.
func (b Bounds) Refuse(dir string, id object.Hash, why error) {
	if os.MkdirAll(dir, 0o700) == nil {
		_ = os.WriteFile(filepath.Join(dir, refusal), []byte(b.of(id)+"\n"+why.Error()+"\n"), 0o600)
	}
}

func (b Bounds) of(id object.Hash) string { return fmt.Sprintf("%s %v", id, b) }

// Broken says whether more was received than may be.
func (m *meter) Broken() bool { return m.exceeded.Load() }

// Exceeds is the error that says what exceeds the bounds.
func Exceeds(what string) error { return &ExcessError{what} }
