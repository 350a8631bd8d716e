package repository

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/helm"
)

// Reference names a published chart.
type Reference struct {
	// Repository is the address of a chart repository (https://…, its index.yaml lies there), of an OCI registry with the
	// path to the chart's folder (oci://…), or of an archive itself (https://….tgz, with Name empty).
	Repository string
	Name       string // of the chart; for OCI it may be empty: then Repository ends with it
	// Version is exact, or a constraint as Helm knows them ("^1.2", "1.x"), or "" for the latest that is no pre-release.
	// For OCI it may also be any tag, or a digest of the artifact's manifest ("sha256:…").
	Version string
	// Digest ("sha256:…") is of the archive, where it is known from an earlier fetch: what is in the cache is then taken
	// without a request, and anything else is refused.
	Digest string
}

// String gives the reference as people read it, without what may be secret in an address.
func (r Reference) String() string {
	parts := []string{address(r.Repository)}
	if r.Name != "" {
		parts = []string{r.Name, "of", parts[0]}
	}
	if r.Version != "" {
		parts = append(parts, "version", r.Version)
	}
	return strings.Join(parts, " ")
}

// address leaves user, password and query out of a URL.
func address(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "an address that is no URL"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Access is what it takes to reach a repository. The zero value is for a public one.
type Access struct {
	Username, Password string // for the repository's own host
	Everywhere         bool   // send them to other hosts too, if the index names archives there (helm's --pass-credentials)
	Token              string // sent as bearer instead
	CA                 []byte // PEM certificates to trust beside those of this system
	Certificate, Key   []byte // of the client, PEM
	PlainHTTP          bool   // speak http with an OCI registry
}

// fingerprint tells one Access from another, so that what one may read is not given to another.
func (a Access) fingerprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %t %q %t %q %q %q", a.Username, a.Password, a.Everywhere, a.CA, a.PlainHTTP, a.Token, a.Certificate, a.Key))
	return hex.EncodeToString(sum[:])
}

// Fetched is a chart as it was published.
type Fetched struct {
	Archive []byte
	Name    string
	Version string // what Reference.Version led to; "" if it cannot be known without opening the archive
	Digest  string // "sha256:…", of Archive
}

// Chart makes a Chart of it.
func (f Fetched) Chart() helm.Chart {
	return helm.Chart{Archive: f.Archive, Name: strings.TrimSpace(f.Name + " " + f.Version)}
}

const (
	fresh       = time.Minute // how long what a reference led to is not asked for again
	maxKnown    = 1024        // references remembered
	fetchTime   = 2 * time.Minute
	maxIndex    = 64 << 20 // bytes
	maxOddIndex = 8 << 20  // bytes of one that has to be parsed as a whole
	maxIndexes  = 64       // repositories whose index is remembered
)

// Fetcher fetches charts and keeps them in a cache on disk. It asks nothing unless it is asked, a repository's index
// costs a request without a body while it does not change, and what a reference led to is good for a minute: a thousand
// apps of one chart cost one request. It is safe for concurrent use.
type Fetcher struct {
	cache   *cache
	clients clients

	mu      sync.Mutex
	known   map[string]*lookup
	indexes map[string]*index
}

// lookup is what a reference led to. Who holds turn may use it.
type lookup struct {
	turn  chan struct{}
	at    time.Time
	found Fetched // without Archive
}

// NewFetcher keeps its cache in dir, which is made if need be, and lets it grow to about the given number of bytes.
// Nothing but Fetchers may write there.
func NewFetcher(dir string, bytes int64) (*Fetcher, error) {
	c, err := newCache(dir, bytes)
	if err != nil {
		return nil, err
	}
	return &Fetcher{cache: c, known: map[string]*lookup{}, indexes: map[string]*index{}}, nil
}

// Fetch gets the chart that ref names, from the cache if it is there. Errors are *helm.Error, apart from those of ctx and of
// the disk.
func (f *Fetcher) Fetch(ctx context.Context, ref Reference, access Access) (Fetched, error) {
	if err := ref.check(); err != nil {
		return Fetched{}, err
	}
	if ref.Digest != "" {
		if archive := f.cache.get(ref.Digest); archive != nil {
			return Fetched{Archive: archive, Name: ref.Name, Version: ref.Version, Digest: ref.Digest}, nil
		}
	}
	l := f.lookup(fmt.Sprintf("%q %s", ref, access.fingerprint()))
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return Fetched{}, fmt.Errorf("fetch chart %s: %w", ref, ctx.Err())
	}
	if time.Since(l.at) < fresh {
		if archive := f.cache.get(l.found.Digest); archive != nil {
			found := l.found
			found.Archive = archive
			return found, nil
		}
	}
	limited, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	found, err := f.fetch(limited, ref, access)
	if err != nil {
		if ctx.Err() != nil {
			return Fetched{}, fmt.Errorf("fetch chart %s: %w", ref, ctx.Err())
		}
		return Fetched{}, err
	}
	l.at, l.found = time.Now(), found
	l.found.Archive = nil
	return found, nil
}

// lookup gives what is known under key. When too much is known, all of it is forgotten, which costs requests only.
func (f *Fetcher) lookup(key string) *lookup {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.known[key]; ok {
		return l
	}
	if len(f.known) >= maxKnown {
		clear(f.known)
	}
	l := &lookup{turn: make(chan struct{}, 1)}
	f.known[key] = l
	return l
}

// fetch asks the network, unless what it says is in the cache.
func (f *Fetcher) fetch(ctx context.Context, ref Reference, access Access) (Fetched, error) {
	var found Fetched
	var err error
	switch {
	case strings.HasPrefix(ref.Repository, "oci://"):
		found, err = f.fromRegistry(ctx, ref, access)
	case ref.Name == "":
		found, err = f.fromURL(ctx, ref, ref.Repository, "", access)
	default:
		found, err = f.fromRepository(ctx, ref, access)
	}
	if err != nil {
		return Fetched{}, err
	}
	if err := ref.verify(found); err != nil {
		return Fetched{}, err
	}
	return found, f.cache.put(found.Digest, found.Archive)
}

// check refuses what names no chart, and credentials where they would be seen.
func (r Reference) check() error {
	u, err := url.Parse(r.Repository)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "oci":
		return r.fail("the repository is no address that a chart can be fetched from", "write it as https://… or oci://…")
	case u.User != nil:
		return r.fail("the repository's address contains a user", "give credentials by reference to a Secret instead of in the address")
	case r.Digest != "" && !validDigest(r.Digest):
		return r.fail(fmt.Sprintf("%.100q is no digest", r.Digest), "write it as sha256: and 64 hexadecimal digits")
	}
	return nil
}

// verify holds what was fetched against what was asked for.
func (r Reference) verify(found Fetched) error {
	switch {
	case r.Digest != "" && found.Digest != r.Digest:
		return r.fail(fmt.Sprintf("it was to have digest %s and has %s", r.Digest, found.Digest), "was it published again? Compare the two before trusting the new one")
	case !bytes.HasPrefix(found.Archive, []byte{0x1f, 0x8b}):
		return r.fail(fmt.Sprintf("what was fetched is no chart archive: it begins with %.40q", found.Archive), "does the address lead to a page instead of a file?")
	}
	return nil
}

func (r Reference) fail(reason, hint string) *helm.Error {
	return &helm.Error{Chart: r.String(), Reason: reason, Hint: hint}
}

// digestOf names content.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func validDigest(text string) bool {
	rest, ok := strings.CutPrefix(text, "sha256:")
	_, err := hex.DecodeString(rest)
	return ok && err == nil && len(rest) == 2*sha256.Size && rest == strings.ToLower(rest)
}
