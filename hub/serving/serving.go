// Package serving remembers what the API servers of clusters serve, and bounds what one of them may have the hub
// remember and do about it.
//
// It may import the standard library only.
package serving

import (
	"maps"
	"sync"
	"time"
)

// What one cluster may have the hub remember and do about its API server. An API server's groups change when
// definitions are installed, its version when it is upgraded: a few times a day, so that these limits are far from what
// an honest cluster needs.
const (
	// MaxList is the most that a list of what an API server serves may have, in bytes of its texts. A cluster with
	// 3,000 definitions has about 250 KB.
	MaxList = 512 << 10
	// MaxVersion is the most that the version of an API server may have, in bytes.
	MaxVersion = 64
	// changeBurst is how many changes of a cluster's API server are followed at once, changeEvery how often another one
	// is after that.
	changeBurst = 5
	changeEvery = 10 * time.Minute
)

// Lists remembers what API servers serve, once for all clusters that serve the same, and only as long as one of them
// does. It is safe for concurrent use.
type Lists struct {
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

// New makes lists that remember nothing yet.
func New() *Lists {
	return &Lists{now: time.Now, unsaved: map[string][]byte{}, lists: map[string]*servedList{}, of: map[string]string{},
		paces: map[string]*pace{}}
}

// With adds the lists that the store has yet to be told to what else it has.
func (s *Lists) With(memos map[string][]byte) map[string][]byte {
	if len(s.unsaved) == 0 {
		return memos
	}
	out := maps.Clone(s.unsaved)
	maps.Copy(out, memos)
	return out
}

// Add has the store be told of a list, by its key.
func (s *Lists) Add(key string, data []byte) { s.unsaved[key] = data }

// Saved is told that the store has them.
func (s *Lists) Saved() { clear(s.unsaved) }

// Get gives a list by its digest.
func (s *Lists) Get(digest string) ([]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lists[digest]; l != nil {
		return l.list, true
	}
	return nil, false
}

// Set notes that a cluster serves a list. What it served before is forgotten, unless another cluster serves it.
func (s *Lists) Set(cluster, digest string, list []string) {
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

// Digests are those of all lists.
func (s *Lists) Digests() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]bool, len(s.lists))
	for digest := range s.lists {
		out[digest] = true
	}
	return out
}

// Forget is for a cluster that is no longer there.
func (s *Lists) Forget(cluster string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(cluster)
	delete(s.paces, cluster)
}

// drop takes back what a cluster named. s.mu is held.
func (s *Lists) drop(cluster string) {
	before := s.of[cluster]
	delete(s.of, cluster)
	if l := s.lists[before]; l != nil {
		if l.clusters--; l.clusters == 0 {
			delete(s.lists, before)
		}
	}
}

// May says whether a change of a cluster's API server is followed now. Where it is not, after says when it will be; it
// is 0 if that was said before, so that each cluster has one timer at most.
func (s *Lists) May(cluster string) (ok bool, after time.Duration) {
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

// SizeOf is how many bytes the texts of a list have.
func SizeOf(list []string) (n int) {
	for _, text := range list {
		n += len(text)
	}
	return n
}
