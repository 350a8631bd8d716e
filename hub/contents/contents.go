// Package contents knows what the blobs that clusters are given deliver: their images, charts and kinds. It reads each
// blob once, beside the loop, and remembers what clusters have in common once.
//
// It may import fleet, the model, naming, resolve, and protocol.
package contents

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/naming"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// Book knows what blobs deliver. It is safe for concurrent use.
type Book struct {
	more chan struct{} // takes one: something is to be read

	mu     sync.Mutex // guards what follows
	pages  map[string]*page
	same   map[string]*facts.Facts // by what they say, so that equal ones are one
	unread []*page
}

// page is what one blob delivers.
type page struct {
	ref protocol.Blob
	is  atomic.Pointer[facts.Facts] // nil until it was read
}

var _ query.Content = (*page)(nil)

// Facts implements query.Content.
func (p *page) Facts() *facts.Facts { return p.is.Load() }

// New makes a book that knows nothing yet.
func New() *Book {
	return &Book{more: make(chan struct{}, 1), pages: map[string]*page{}, same: map[string]*facts.Facts{}}
}

// of is the page of a blob. One that is new is read soon.
func (b *Book) of(ref protocol.Blob) query.Content {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, known := b.pages[ref.Digest]
	if !known {
		p = &page{ref: ref}
		b.pages[ref.Digest] = p
		b.unread = append(b.unread, p)
		select {
		case b.more <- struct{}{}:
		default: // it is known already
		}
	}
	return p
}

// Former gives what a blob delivers that was published before, by its digest; nil if that is not known.
func (b *Book) Former(digest string) *facts.Facts {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, known := b.pages[digest]; known {
		return p.Facts()
	}
	return nil
}

// Keep forgets all blobs but those that the store keeps, by their ids.
func (b *Book) Keep(stored map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	same := map[string]*facts.Facts{}
	for digest, p := range b.pages {
		if !stored[p.ref.ID()] {
			delete(b.pages, digest)
			continue
		}
		if f := p.Facts(); f != nil {
			same[sum(f)] = f
		}
	}
	b.same = same
	b.unread = slices.DeleteFunc(b.unread, func(p *page) bool { return b.pages[p.ref.Digest] != p })
}

// Read reads blobs until ctx is done. objects gives those of a blob.
func (b *Book) Read(ctx context.Context, objects func(protocol.Blob) ([]model.Rendered, error), log *slog.Logger) {
	for ctx.Err() == nil {
		p := b.next()
		if p == nil {
			select {
			case <-b.more:
			case <-ctx.Done():
			}
			continue
		}
		rendered, err := objects(p.ref)
		if err != nil {
			// What clusters are given does not depend on it; the store says of itself what is wrong with it.
			log.Debug("a blob cannot be read: questions for images, charts and kinds leave it out", "blob", p.ref.ID(),
				"err", err)
			continue
		}
		lines := make([][]byte, len(rendered))
		for i, o := range rendered {
			lines[i] = o.JSON
		}
		f := facts.Of(lines)
		if p.ref.Secret { // an image or a chart may be named by a value
			f.Images, f.Charts = nil, nil
		}
		b.learn(p, f)
	}
}

func (b *Book) next() *page {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.unread) == 0 {
		b.unread = nil // what it took is free
		return nil
	}
	p := b.unread[0]
	b.unread = b.unread[1:]
	return p
}

func (b *Book) learn(p *page, f facts.Facts) {
	key := sum(&f)
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.same[key]
	if known == nil {
		known = &f
		b.same[key] = known
	}
	p.is.Store(known)
}

// sum identifies what facts say.
func sum(f *facts.Facts) string {
	data, err := json.Marshal(f)
	if err != nil {
		panic("hub: facts that are not JSON: " + err.Error()) // plain data: cannot happen
	}
	return protocol.BlobDigest(data)
}

// Wanted lists the apps of a bundle for people. declared are those of Git, as far as they are known.
func (b *Book) Wanted(bundle protocol.Bundle, declared []model.App) []query.DesiredApp {
	out := make([]query.DesiredApp, 0, len(bundle.Apps))
	for _, a := range bundle.Apps {
		w := query.DesiredApp{Name: a.Name, Declared: a.Declared, Formerly: a.Formerly, Error: a.Error, Reason: a.Reason,
			DependsOn: a.DependsOn}
		if a.Blob != nil {
			w.Objects, w.Digest, w.Content = a.Blob.Objects, a.Blob.Digest, b.of(*a.Blob)
		}
		if i := slices.IndexFunc(declared, func(d model.App) bool { return d.Name == a.Name }); i >= 0 {
			w.Path, w.File, w.Project = declared[i].Path, declared[i].File, declared[i].InProject()
		}
		out = append(out, w)
	}
	return out
}

// Pending adds to what people are shown of apps which of them are being rendered.
func Pending(r *resolve.Resolution, apps []query.DesiredApp) []query.DesiredApp {
	for _, a := range r.Apps {
		if !a.Pending {
			continue
		}
		i := slices.IndexFunc(apps, func(x query.DesiredApp) bool { return x.Name == a.App.Name })
		if i < 0 {
			apps = append(apps, query.DesiredApp{Name: a.App.Name, Declared: naming.DeclaredBy(a.App),
				Formerly: a.App.Formerly, Path: a.App.Path, File: a.App.File, Project: a.App.InProject()})
			i = len(apps) - 1
		}
		apps[i].Error, apps[i].Reason = a.Err, a.Reason
	}
	return apps
}
