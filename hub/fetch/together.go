package fetch

import (
	"context"
	"sync"

	"github.com/drover-dev/drover/hub/model"
)

// Together is Sources for those who render one time and name many: it waits for none of them by itself, and fetches all
// that were asked for at the same time, so that those which cannot be reached cost one time-out together. Who renders
// does so again while Wait says that something was fetched since.
type Together struct {
	once  *Once
	slots chan struct{}

	mu    sync.Mutex
	asked map[string]*asked // by key
	fresh bool              // something was asked for since Wait
	ended sync.WaitGroup
}

// asked is a source that was asked for. It is done when there is a view or an error.
type asked struct {
	done bool
	view model.View
	err  error
}

// maxTogether is how many sources are fetched at once. Those that cannot be reached hold a place each until their
// time is out.
const maxTogether = 64

// NewTogether keeps what it fetches below dir, as NewOnce does.
func NewTogether(dir string, open Opener, tell func(string)) *Together {
	var mu sync.Mutex
	one := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		tell(line)
	}
	return &Together{once: NewOnce(dir, open, one), slots: make(chan struct{}, maxTogether), asked: map[string]*asked{}}
}

// View implements Sources. What is not here is a *model.FetchingError, and here after Wait.
func (t *Together) View(ctx context.Context, s model.Source) (model.View, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := s.Key()
	a, known := t.asked[key]
	switch {
	case known && a.done:
		return a.view, a.err
	case !known:
		a = &asked{}
		t.asked[key], t.fresh = a, true
		t.ended.Go(func() { t.fetch(ctx, s.Fetched(), key, a) })
	}
	return nil, &model.FetchingError{Source: s}
}

func (t *Together) fetch(ctx context.Context, s model.Source, key string, a *asked) {
	t.slots <- struct{}{}
	defer func() { <-t.slots }()
	view, err := t.once.fetch(ctx, s, key)
	t.mu.Lock()
	defer t.mu.Unlock()
	a.done, a.view, a.err = true, view, err
}

// Wait waits until all that was asked for is here or cannot be fetched, and says whether anything was asked for since
// the last call: what depends on it is to be rendered again.
func (t *Together) Wait() bool {
	t.ended.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh := t.fresh
	t.fresh = false
	return fresh
}
