package repository

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/klauspost/compress/zstd"
	"go.yaml.in/yaml/v3"
)

// index is the index.yaml of a repository, of which there are some with 20 MB and a hundred charts. It is kept
// compressed, and of its text only the charts that are asked for are parsed, once for each state of it. Who holds turn
// may use it.
type index struct {
	turn     chan struct{}
	last     response // validators; the body is in packed
	sum      [sha256.Size]byte
	packed   []byte
	versions map[string][]published // by chart, newest first
}

// published is one version of a chart in an index.
type published struct {
	Version string   `json:"version" yaml:"version"`
	URLs    []string `json:"urls" yaml:"urls"`
	Digest  string   `json:"digest" yaml:"digest"`
}

// fromRepository fetches a chart that an index names.
func (f *Fetcher) fromRepository(ctx context.Context, ref Reference, access Access) (Fetched, error) {
	versions, err := f.versions(ctx, ref, access)
	if err != nil {
		return Fetched{}, err
	}
	best, err := ref.choose(versions)
	if err != nil {
		return Fetched{}, err
	}
	target, err := resolve(ref.Repository, best.URLs[0])
	if err != nil {
		return Fetched{}, ref.fail("the index gives an address of its archive that is no http URL", "tell who runs the repository")
	}
	digest := best.Digest
	if digest != "" && !strings.HasPrefix(digest, "sha256:") {
		digest = "sha256:" + digest
	}
	if !validDigest(digest) {
		digest = "" // some repositories give none, or one of their own kind, as Helm allows
	}
	found, err := f.fromURL(ctx, ref, target, digest, access)
	found.Version = best.Version
	return found, err
}

// versions gives what is published of the chart, after asking whether the index changed.
func (f *Fetcher) versions(ctx context.Context, ref Reference, access Access) ([]published, error) {
	i := f.index(ref.Repository + " " + access.fingerprint())
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	target, err := resolve(ref.Repository, "index.yaml")
	if err != nil {
		return nil, ref.fail("the repository is no http URL", "write it as https://…")
	}
	got, err := f.get(ctx, ref, target, access, i.last, maxIndex)
	if err != nil {
		return nil, err
	}
	if !got.unchanged {
		if err := i.replace(got); err != nil {
			return nil, fmt.Errorf("keep the index of %s: %w", address(ref.Repository), err)
		}
	}
	if known, ok := i.versions[ref.Name]; ok {
		return known, nil
	}
	found, err := i.parse(ref.Name)
	if err != nil {
		return nil, ref.fail("the index of the repository cannot be read: "+err.Error(), "does the address lead to a chart repository? "+address(target)+" should be its index")
	}
	i.versions[ref.Name] = found
	return found, nil
}

func (f *Fetcher) index(key string) *index {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, ok := f.indexes[key]; ok {
		return i
	}
	if len(f.indexes) >= maxIndexes {
		clear(f.indexes)
	}
	i := &index{turn: make(chan struct{}, 1), versions: map[string][]published{}}
	f.indexes[key] = i
	return i
}

// replace takes a new body, unless it is the one that is known.
func (i *index) replace(got response) error {
	sum := sha256.Sum256(got.body)
	i.last = response{etag: got.etag, modified: got.modified}
	if sum == i.sum {
		return nil
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	i.sum, i.packed, i.versions = sum, encoder.EncodeAll(got.body, nil), map[string][]published{}
	return encoder.Close()
}

// parse reads the versions of one chart, newest first, none if the index does not have it.
func (i *index) parse(chart string) ([]published, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	body, err := decoder.DecodeAll(i.packed, nil)
	if err != nil {
		return nil, err
	}
	all, err := entriesOf(body, chart)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p published) bool { return p.Version == "" || len(p.URLs) == 0 })
	slices.SortStableFunc(all, func(a, b published) int {
		va, erra := semver.NewVersion(a.Version)
		vb, errb := semver.NewVersion(b.Version)
		switch {
		case erra == nil && errb == nil:
			return vb.Compare(va)
		case erra == nil:
			return -1
		case errb == nil:
			return 1
		}
		return strings.Compare(b.Version, a.Version)
	})
	return all, nil
}

// entriesOf reads what an index says of one chart.
func entriesOf(body []byte, chart string) ([]published, error) {
	var whole struct {
		APIVersion string                 `json:"apiVersion" yaml:"apiVersion"`
		Entries    map[string][]published `json:"entries" yaml:"entries"`
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Unmarshal(body, &whole) == nil {
		return whole.Entries[chart], nil
	}
	if part, ok := excerpt(body, chart); ok {
		var entries map[string][]published
		err := yaml.Unmarshal(part, &entries)
		return entries[chart], err
	}
	if len(body) > maxOddIndex {
		return nil, fmt.Errorf("it is larger than %d MiB and not laid out as helm repo index does", maxOddIndex>>20)
	}
	if err := yaml.Unmarshal(body, &whole); err != nil {
		return nil, err
	}
	if whole.Entries == nil {
		return nil, errors.New("it has no entries")
	}
	return whole.Entries[chart], nil
}

// excerpt cuts the lines of one chart out of an index in YAML's block style, as every tool writes it: below `entries:`,
// from the line that has the chart's name for a key to the next key of the same indentation. It gives nothing if there
// is no such line; ok is false if the text is of another style.
func excerpt(body []byte, chart string) (part []byte, ok bool) {
	at := lineOf(body, []byte("entries:"))
	if at < 0 {
		return nil, false
	}
	indent, from := 0, -1
	for end := 0; at < len(body); at = end {
		end = len(body)
		if n := bytes.IndexByte(body[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		text := bytes.TrimLeft(body[at:end], " ")
		depth := end - at - len(text)
		if text = bytes.TrimSpace(text); len(text) == 0 || text[0] == '#' || text[0] == '-' && depth > 0 || indent > 0 && depth > indent {
			continue
		}
		if from >= 0 || depth == 0 {
			break // the next chart, or what follows entries
		}
		if indent == 0 {
			indent = depth
		}
		key, found := bytes.CutSuffix(text, []byte(":"))
		if !found || depth != indent {
			return nil, false
		}
		if string(bytes.Trim(key, `"'`)) == chart {
			from = at
		}
	}
	if from < 0 {
		return nil, indent > 0
	}
	return body[from:at], true
}

// lineOf gives the offset after the first line that is exactly text, -1 if there is none.
func lineOf(body, text []byte) int {
	for at := 0; at < len(body); {
		end := bytes.IndexByte(body[at:], '\n')
		if end < 0 {
			return -1
		}
		if bytes.Equal(bytes.TrimRight(body[at:at+end], " \r"), text) {
			return at + end + 1
		}
		at += end + 1
	}
	return -1
}

// choose gives the version that Helm takes: the very one if it is there, else the newest that the constraint allows.
func (r Reference) choose(versions []published) (published, error) {
	if len(versions) == 0 {
		return published{}, r.fail("the repository does not have the chart", "check its name")
	}
	for _, p := range versions {
		if r.Version != "" && p.Version == r.Version {
			return p, nil
		}
	}
	constraint, err := r.constraint()
	if err != nil {
		return published{}, err
	}
	for _, p := range versions {
		if v, err := semver.NewVersion(p.Version); err == nil && constraint.Check(v) {
			return p, nil
		}
	}
	return published{}, r.fail("no published version fits; the newest is "+versions[0].Version, "correct the version; a constraint takes pre-releases only if it names one, such as >=1.0.0-0")
}

func (r Reference) constraint() (*semver.Constraints, error) {
	text := r.Version
	if text == "" {
		text = "*"
	}
	constraint, err := semver.NewConstraint(text)
	if err != nil {
		return nil, r.fail(fmt.Sprintf("%.100q is no version and no constraint: %v", r.Version, err), "write it as 1.2.3, ^1.2 or >=1.2 <2")
	}
	return constraint, nil
}

// resolve gives the absolute form of an address that may be relative to the repository's, which keeps its query.
func resolve(repository, target string) (string, error) {
	t, err := url.Parse(target)
	if err != nil {
		return "", err
	}
	base, err := url.Parse(repository)
	if err != nil {
		return "", err
	}
	if !t.IsAbs() {
		base.RawPath = strings.TrimSuffix(base.RawPath, "/") + "/"
		base.Path = strings.TrimSuffix(base.Path, "/") + "/"
		t = base.ResolveReference(t)
		t.RawQuery = base.RawQuery
	}
	if t.Scheme != "https" && t.Scheme != "http" {
		return "", fmt.Errorf("%s is no http URL", address(target))
	}
	return t.String(), nil
}
