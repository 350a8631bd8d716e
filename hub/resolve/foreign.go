package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
)

// seen is what of a source a render depends on beside its revision: how it is looked at, not how it is fetched.
func seen(s *model.Source) *model.Source {
	if s == nil {
		return nil
	}
	out := *s
	out.Interval, out.Credentials, out.Logins = 0, "", nil
	return &out
}

// SourcePlace stands for a source among the places in the tree on which a cluster depends: no path has a zero byte.
func SourcePlace(key string) string { return "\x00" + key }

// sourcePlaces are the places of all sources that the apps name, whether they are rendered or not: one whose
// variables are missing for a while does not have its source fetched again.
func (e *expansion) sourcePlaces() (places []string) {
	for _, m := range e.made {
		for _, s := range m.app.Sources() {
			places = append(places, SourcePlace(s.Key()))
		}
	}
	return append(places, e.places...)
}

// view is the tree that a source leads to; nil is the repository itself.
func (e *expansion) view(ctx context.Context, s *model.Source) (model.View, error) {
	if s == nil {
		return e.snap, nil
	}
	view, err := e.whole(ctx, *s)
	if err != nil {
		return nil, err
	}
	if s.SourceIgnore || s.Ignore != "" {
		if view, err = e.r.show(view, *s); err != nil {
			return nil, err
		}
	}
	if s.Folder == model.OnlyFolder {
		return onlyFolder(view, *s)
	}
	return memtree.Below(view, s.Folder)
}

// whole is all of a source, whatever its rules leave out and wherever in it an app looks.
func (e *expansion) whole(ctx context.Context, s model.Source) (model.View, error) {
	switch {
	case s.Kind == model.SourceComposed:
		return e.compose(ctx, s)
	case e.r.cfg.Sources == nil:
		return nil, fmt.Errorf("%s: nothing here fetches sources", s)
	}
	return e.r.cfg.Sources.View(ctx, s)
}

// hidden is what of the repository that is followed is seen through rules.
func hidden(r *Resolver, tree model.Tree, h *model.Hide) model.Tree {
	if h == nil || r.cfg.Hide == nil {
		return tree
	}
	if rec, ok := tree.(*record.Recorder); ok {
		rec.Hollow(!h.Submodules)
	}
	return &beside{r.cfg.Hide(tree, *h), tree}
}

// beside is a tree that rules hide parts of, with what was fetched for it, which they do not concern.
type beside struct {
	model.Tree
	all model.Tree
}

func (b *beside) of(name string) model.Tree {
	if model.RemoteOf(name) != "" {
		return b.all
	}
	return b.Tree
}

// Open implements fs.FS.
func (b *beside) Open(name string) (fs.File, error) { return b.of(name).Open(name) }

// Stat implements fs.StatFS.
func (b *beside) Stat(name string) (fs.FileInfo, error) { return b.of(name).Stat(name) }

// ReadFile implements fs.ReadFileFS.
func (b *beside) ReadFile(name string) ([]byte, error) { return b.of(name).ReadFile(name) }

// ReadDir implements fs.ReadDirFS.
func (b *beside) ReadDir(name string) ([]fs.DirEntry, error) { return b.of(name).ReadDir(name) }

// hiddenFolder says so if rules are why there is nothing to render.
func hiddenFolder(whole, seen model.Tree, app model.App) error {
	if app.Hide == nil {
		return nil
	}
	if _, err := seen.Stat(app.Path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := whole.Stat(app.Path); err != nil {
		return nil
	}
	var rules []string
	for dir := path.Dir(app.Path); ; dir = path.Dir(dir) {
		if file := path.Join(dir, ".sourceignore"); exists(whole, file) {
			rules = append(rules, file)
		}
		if dir == "." {
			break
		}
	}
	if app.Hide.Rules != "" {
		rules = append(rules, "spec.ignore of its GitRepository")
	}
	return fmt.Errorf("%s%s%s: take it out of the rules", app.Path, isHidden, strings.Join(rules, " or "))
}

// isHidden stands in messages on a folder that rules hide.
const isHidden = " is hidden by "

func exists(tree model.Tree, file string) bool {
	_, err := tree.Stat(file)
	return err == nil
}

// maxShown bounds what is remembered of how sources are seen. When there is more, all of it is forgotten, which costs
// time only.
const maxShown = 256

// show is what is seen of a view through the rules of its source. It is made once for each revision: it takes all of
// the tree.
func (r *Resolver) show(view model.View, s model.Source) (model.View, error) {
	s.Folder, s.Interval = "", 0
	key := memoKey("shown", s)
	if have := r.shown[key]; have != nil && have.Revision().Hash == view.Revision().Hash {
		return have, nil
	}
	if r.cfg.Ignore == nil {
		return nil, fmt.Errorf("%s: nothing here knows its rules", s)
	}
	shown, err := r.cfg.Ignore(view, s)
	if err != nil {
		return nil, err
	}
	if len(r.shown) >= maxShown {
		clear(r.shown)
	}
	r.shown[key] = shown
	return shown, nil
}

// unavailable is the render of what is not at hand. It is not remembered.
func unavailable(ctx context.Context, err error) (*Render, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return &Render{Err: err.Error(), Away: true}, nil
}

// texts gives an app's chart with those values as texts that lie in another tree than the chart.
func (e *expansion) texts(ctx context.Context, app model.App) (*model.Chart, error) {
	chart := *app.Chart
	chart.Values = slices.Clone(chart.Values)
	for i, v := range chart.Values {
		if v.Path == "" || sameSource(v.Source, app.Source) {
			continue
		}
		text, err := e.text(ctx, v)
		if err != nil {
			return nil, err
		}
		chart.Values[i] = model.Values{Text: text, Path: v.Path}
		if v.Source != nil {
			chart.Values[i].Path = v.Source.Place(v.Path)
		}
	}
	return &chart, nil
}

func sameSource(a, b *model.Source) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Key() == b.Key() && a.Folder == b.Folder
}

// text reads a file with values. An empty file says that it says nothing.
func (e *expansion) text(ctx context.Context, v model.Values) (string, error) {
	view, err := e.view(ctx, v.Source)
	if err != nil {
		return "", err
	}
	key := memoKey("text", struct {
		Path     string
		Optional bool
		Source   *model.Source
	}{v.Path, v.Optional, seen(v.Source)})
	r, err := e.r.memo.do(ctx, view, key, func(rec *record.Recorder) (Render, []model.Packed, error) {
		data, err := rec.ReadFile(v.Path)
		if err != nil && (!v.Optional || !errors.Is(err, fs.ErrNotExist)) {
			return Render{}, nil, fmt.Errorf("%s: the values cannot be read: %w", v.Path, err)
		}
		text, err := json.Marshal(string(data))
		return Render{Declared: []model.Rendered{{JSON: text, File: v.Path}}}, nil, err
	})
	if err != nil {
		return "", err
	}
	if v.Source == nil {
		e.used = append(e.used, r)
	} else {
		e.foreign = append(e.foreign, r)
	}
	if r.Err != "" {
		return "", errors.New(r.Err)
	}
	text := "{}\n"
	if err := json.Unmarshal(r.Declared[0].JSON, &text); err != nil {
		return "", err
	}
	if text == "" {
		text = "{}\n"
	}
	return text, nil
}
