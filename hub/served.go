package hub

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// What one cluster may have the hub remember and do about its API server. An API server's groups change when
// definitions are installed, its version when it is upgraded: a few times a day, so that these limits are far from what
// an honest cluster needs.
const (
	// maxServed is the most that a list of what an API server serves may have, in bytes of its texts. A cluster with
	// 3,000 definitions has about 250 KB.
	maxServed = 512 << 10
	// maxKubernetes is the most that the version of an API server may have, in bytes.
	maxKubernetes = 64
	// changeBurst is how many changes of a cluster's API server are followed at once, changeEvery how often another one
	// is after that.
	changeBurst = 5
	changeEvery = 10 * time.Minute
)

// served remembers what API servers serve, once for all clusters that serve the same, and only as long as one of them
// does. It is safe for concurrent use.
type served struct {
	now     func() time.Time
	unsaved map[string][]byte // lists that the store has yet to be told, by key; the loop alone touches it

	mu    sync.Mutex             // guards what follows
	lists map[string]*servedList // by their APIsDigest
	of    map[string]string      // by cluster: the digest that it named last
	paces map[string]*pace       // by cluster
}

type servedList struct {
	list     []string
	clusters int // that name it
}

func newServed() *served {
	return &served{now: time.Now, unsaved: map[string][]byte{}, lists: map[string]*servedList{}, of: map[string]string{}, paces: map[string]*pace{}}
}

// with adds the lists that the store has yet to be told to what else it has.
func (s *served) with(memos map[string][]byte) map[string][]byte {
	if len(s.unsaved) == 0 {
		return memos
	}
	out := maps.Clone(s.unsaved)
	maps.Copy(out, memos)
	return out
}

// saved is told that the store has them.
func (s *served) saved() { clear(s.unsaved) }

// get gives a list by its digest.
func (s *served) get(digest string) ([]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lists[digest]; l != nil {
		return l.list, true
	}
	return nil, false
}

// set notes that a cluster serves a list. What it served before is forgotten, unless another cluster serves it.
func (s *served) set(cluster, digest string, list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[cluster] == digest {
		return
	}
	s.drop(cluster)
	l := s.lists[digest]
	if l == nil {
		l = &servedList{list: list}
		s.lists[digest] = l
	}
	l.clusters++
	s.of[cluster] = digest
}

// digests are those of all lists.
func (s *served) digests() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]bool, len(s.lists))
	for digest := range s.lists {
		out[digest] = true
	}
	return out
}

// forget is for a cluster that is no longer there.
func (s *served) forget(cluster string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(cluster)
	delete(s.paces, cluster)
}

// drop takes back what a cluster named. s.mu is held.
func (s *served) drop(cluster string) {
	before := s.of[cluster]
	delete(s.of, cluster)
	if l := s.lists[before]; l != nil {
		if l.clusters--; l.clusters == 0 {
			delete(s.lists, before)
		}
	}
}

// may says whether a change of a cluster's API server is followed now. Where it is not, after says when it will be; it
// is 0 if that was said before, so that each cluster has one timer at most.
func (s *served) may(cluster string) (ok bool, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.paces[cluster]
	if p == nil {
		p = &pace{left: changeBurst}
		s.paces[cluster] = p
	}
	return p.take(s.now())
}

// pace lets changeBurst changes through, and then one every changeEvery.
type pace struct {
	left  int
	since time.Time // when left was last raised
	told  time.Time // until when somebody waits
}

func (p *pace) take(now time.Time) (ok bool, after time.Duration) {
	if p.left == changeBurst {
		p.since = now
	}
	if more := int(now.Sub(p.since) / changeEvery); more > 0 {
		p.left = min(changeBurst, p.left+more)
		p.since = p.since.Add(time.Duration(more) * changeEvery)
	}
	if p.left > 0 {
		p.left--
		return true, 0
	}
	if now.Before(p.told) {
		return false, 0
	}
	p.told = p.since.Add(changeEvery)
	return false, p.told.Sub(now)
}

// sizeOf is how many bytes the texts of a list have.
func sizeOf(list []string) (n int) {
	for _, text := range list {
		n += len(text)
	}
	return n
}

// What the hub keeps at hand of one event. The journal on the bus has it whole.
const (
	maxEventText   = 4 << 10 // bytes of each text
	maxEventFields = 50
)

// bounded is an event as the hub keeps it at hand. What is cut off is said in its message.
func bounded(e protocol.Event) protocol.Event {
	cut := func(s string) string {
		if len(s) <= maxEventText {
			return s
		}
		return fmt.Sprintf("%s … (%d more bytes are in the journal)", s[:maxEventText], len(s)-maxEventText)
	}
	e.Message, e.By, e.App, e.Revision, e.Declared = cut(e.Message), cut(e.By), cut(e.App), cut(e.Revision), cut(e.Declared)
	if len(e.Fields) > maxEventFields {
		e.Message += fmt.Sprintf(" (%d more fields are in the journal)", len(e.Fields)-maxEventFields)
		e.Fields = e.Fields[:maxEventFields:maxEventFields]
	}
	fields := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		fields[i] = cut(f)
	}
	if e.Fields != nil {
		e.Fields = fields
	}
	if o := e.Object; o != nil {
		small := protocol.ObjectRef{Group: cut(o.Group), Kind: cut(o.Kind), Namespace: cut(o.Namespace), Name: cut(o.Name)}
		e.Object = &small
	}
	return e
}
