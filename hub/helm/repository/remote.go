package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"helm.sh/helm/v4/pkg/ignore"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
)

// Remote is a published chart as a source of the hub (fetch.Remote). Its tree is the chart's folder.
type Remote struct {
	fetcher *Fetcher
	ref     Reference
	access  func(context.Context) (Access, error)
	dir     string
}

// NewRemote prepares to fetch the chart that a source names. What it found last it writes into dir. access is asked at
// each attempt.
func NewRemote(f *Fetcher, s model.Source, dir string, access func(context.Context) (Access, error)) (*Remote, error) {
	ref := Reference{Repository: s.URL, Name: s.Chart, Version: s.SemVer}
	if s.Ref != "" {
		ref.Version = s.Ref
	}
	if s.Revision != "" {
		ref.Version = s.Revision
	}
	if err := ref.check(); err != nil {
		return nil, err
	}
	return &Remote{fetcher: f, ref: ref, access: access, dir: dir}, nil
}

// foundFile says in a Remote's folder what it found last.
const foundFile = "found.json"

// found is the content of foundFile. The archive itself is in the cache of the Fetcher.
type found struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// Fetch implements fetch.Remote.
func (r *Remote) Fetch(ctx context.Context) (model.View, error) {
	access, err := r.access(ctx)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	got, err := r.fetcher.fetch(limited, r.ref, access)
	if err != nil {
		return nil, err
	}
	view, err := r.view(got)
	if err != nil {
		return nil, err
	}
	return view, r.remember(found{got.Version, got.Digest})
}

func (r *Remote) remember(what found) error {
	data, err := json.Marshal(what)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("keep chart: %w", err)
	}
	next := filepath.Join(r.dir, foundFile+unfinished)
	if err = os.WriteFile(next, data, 0o600); err == nil {
		err = os.Rename(next, filepath.Join(r.dir, foundFile))
	}
	if err != nil {
		return fmt.Errorf("keep chart: %w", errors.Join(err, os.Remove(next)))
	}
	return nil
}

// Kept implements fetch.Remote.
func (r *Remote) Kept() model.View {
	var last found
	data, err := os.ReadFile(filepath.Join(r.dir, foundFile))
	if err != nil || json.Unmarshal(data, &last) != nil || !validDigest(last.Digest) {
		return nil
	}
	archive := r.fetcher.cache.get(last.Digest)
	if archive == nil {
		return nil
	}
	view, err := r.view(Fetched{Archive: archive, Name: r.ref.Name, Version: last.Version, Digest: last.Digest})
	if err != nil {
		return nil
	}
	return view
}

// Close implements fetch.Remote.
func (r *Remote) Close() error { return nil }

// view unpacks a chart. What its .helmignore names was left out when it was packed, and is not meant to be left out of
// its subcharts too.
func (r *Remote) view(got Fetched) (model.View, error) {
	revision := model.Revision{Hash: got.Version + "@" + got.Digest, Subject: got.Name + " " + got.Version}
	view, err := memtree.Unpack(got.Archive, 1, revision, func(name string) bool { return name != ignore.HelmIgnore })
	if err != nil {
		return nil, r.ref.fail(err.Error(), "is it a chart?")
	}
	if _, err := view.Stat("Chart.yaml"); err != nil {
		return nil, r.ref.fail("the archive has no "+path.Join("NAME", "Chart.yaml"), "is it a chart?")
	}
	return view, nil
}
