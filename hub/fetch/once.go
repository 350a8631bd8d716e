package fetch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/drover-dev/drover/hub/model"
)

// Once is Sources for those who render one time: it waits for the network, and goes on with what it kept if that is
// away.
type Once struct {
	dir  string
	open Opener
	tell func(string) // a line for the person who waits
	got  map[string]onceGot
}

type onceGot struct {
	view model.View
	err  error
}

// NewOnce keeps what it fetches below dir. tell is given a line when a source is fetched, and when an older state of
// it has to do.
func NewOnce(dir string, open Opener, tell func(string)) *Once {
	return &Once{dir: dir, open: open, tell: tell, got: map[string]onceGot{}}
}

// View implements Sources.
func (o *Once) View(ctx context.Context, s model.Source) (model.View, error) {
	key := s.Key()
	if got, ok := o.got[key]; ok {
		return got.view, got.err
	}
	view, err := o.fetch(ctx, s.Fetched(), key)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	o.got[key] = onceGot{view, err}
	return view, err
}

func (o *Once) fetch(ctx context.Context, s model.Source, key string) (view model.View, err error) {
	remote, err := o.open(s, filepath.Join(o.dir, key))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remote.Close()) }()
	kept := remote.Kept()
	if kept != nil && s.Fixed() {
		return kept, nil
	}
	o.tell("fetching " + s.String())
	if view, err = remote.Fetch(ctx); err != nil && kept != nil {
		o.tell(fmt.Sprintf("%v: rendered as it was fetched before, at %s", err, kept.Revision().Hash))
		return kept, nil
	}
	return view, err
}
