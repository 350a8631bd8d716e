// Package oci fetches manifests from OCI registries, as `flux push artifact` puts them there: an artifact whose layer
// is a tar archive compressed with gzip.
//
// What an artifact takes is bounded in bytes, files and time; digests are verified; paths that lead out of the archive
// are refused, and links in it are left out. The layer that is used is kept on the disk, so that a hub that starts
// while the registry is away goes on.
//
// It may import hub/model, hub/memtree, internal, oras-go and a package for semantic versions; never another
// package below hub.
package oci

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/outbound"
)

const (
	maxManifest = 4 << 20  // bytes
	maxLayer    = 64 << 20 // bytes, compressed
	maxTags     = 20_000
	fetchTime   = 2 * time.Minute
)

// Access is what it takes to reach a registry. The zero value is for what is public.
type Access struct {
	Username, Password, Token string
	CA                        []byte // PEM certificates to trust beside those of this system
	Certificate, Key          []byte // of the client, PEM
}

// Remote is an artifact as a source of the hub (fetch.Remote).
type Remote struct {
	source model.Source
	name   string // for people
	place  string // host/path
	dir    string
	access func(context.Context) (Access, error)
	view   model.View // that was fetched or kept last; nil if there is none
}

// NewRemote prepares to fetch. What it fetched last is kept in dir. access is asked at each attempt. An error says that
// the source, as it is written, can never be fetched.
func NewRemote(s model.Source, dir string, access func(context.Context) (Access, error)) (*Remote, error) {
	r := &Remote{source: s, name: s.String(), dir: dir, access: access}
	place, ok := strings.CutPrefix(s.URL, "oci://")
	r.place = strings.TrimSuffix(place, "/")
	if _, err := remote.NewRepository(r.place); !ok || err != nil {
		return nil, r.fail("the address names no place in a registry", "write it as oci://host/path, and tag, range or digest beside it")
	}
	if s.Revision != "" && !validDigest(s.Revision) {
		return nil, r.fail(fmt.Sprintf("%.100q is no digest", s.Revision), "write it as sha256: and 64 hexadecimal digits")
	}
	if s.SemVer != "" {
		if _, err := semver.NewConstraint(s.SemVer); err != nil {
			return nil, r.fail(fmt.Sprintf("%.100q is no range of versions: %v", s.SemVer, err), "write one such as >=1.2.0 <2")
		}
	}
	return r, nil
}

// fail is an error for the person who can fix it.
func (r *Remote) fail(reason, hint string) error {
	return fmt.Errorf("fetch %s: %s: %s", r.name, strings.Join(strings.Fields(reason), " "), hint)
}

// Fetch implements fetch.Remote.
func (r *Remote) Fetch(ctx context.Context) (model.View, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	access, err := r.access(ctx)
	if err != nil {
		return nil, err
	}
	repository, done, err := r.repository(access)
	if err != nil {
		return nil, err
	}
	defer done()
	tag, err := r.tag(ctx, repository)
	if err != nil {
		return nil, err
	}
	layer, revision, err := r.layer(ctx, repository, tag)
	if err != nil {
		return nil, err
	}
	if r.view != nil && r.view.Revision().Hash == revision {
		return r.view, nil
	}
	body, err := repository.Fetch(ctx, layer)
	if err != nil {
		return nil, r.explain(err)
	}
	defer func() { _ = body.Close() }()
	data, err := content.ReadAll(body, layer) // verifies size and digest
	if err != nil {
		return nil, r.explain(err)
	}
	view, err := memtree.Unpack(data, 0, model.Revision{Hash: revision, Subject: r.name}, nil)
	if err != nil {
		return nil, r.fail(err.Error(), "push manifests with `flux push artifact`, or choose their layer by its media type")
	}
	r.view = view
	return view, r.keep(revision, data)
}

// repository is the client for the artifact's place.
func (r *Remote) repository(access Access) (_ *remote.Repository, done func(), err error) {
	repository, err := remote.NewRepository(r.place)
	if err != nil {
		return nil, nil, r.fail("the address names no place in a registry", "write it as oci://host/path")
	}
	t, err := outbound.Transport(15*time.Second, access.CA, access.Certificate, access.Key)
	if err != nil {
		return nil, nil, r.fail(err.Error(), "see docs/sources.md")
	}
	repository.PlainHTTP, repository.MaxMetadataBytes = r.source.PlainHTTP, maxManifest
	repository.Client = &auth.Client{
		Client: &http.Client{Transport: t, CheckRedirect: follow}, Header: http.Header{"User-Agent": {"drover"}}, Cache: auth.NewCache(),
		Credential: auth.StaticCredential(repository.Reference.Registry, auth.Credential{Username: access.Username, Password: access.Password, AccessToken: access.Token}),
	}
	return repository, t.CloseIdleConnections, nil
}

// follow follows redirects, but not from https to http.
func follow(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return errors.New("it redirects without end")
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("it redirects from https to http")
	}
	return nil
}

// tag is what to ask the registry for: a digest, a tag, or the highest version in the range.
func (r *Remote) tag(ctx context.Context, repository *remote.Repository) (string, error) {
	switch s := r.source; {
	case s.Revision != "":
		return s.Revision, nil
	case s.Ref != "":
		return s.Ref, nil
	case s.SemVer == "":
		return "latest", nil
	}
	in, err := semver.NewConstraint(r.source.SemVer)
	if err != nil {
		return "", err
	}
	var best *semver.Version
	var at string
	seen := 0
	err = repository.Tags(ctx, "", func(tags []string) error {
		for _, tag := range tags {
			v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
			if err == nil && in.Check(v) && (best == nil || v.GreaterThan(best)) {
				best, at = v, tag
			}
		}
		if seen += len(tags); seen > maxTags {
			return fmt.Errorf("it has more than %d tags", maxTags)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", r.explain(err)
	case best == nil:
		return "", r.fail(fmt.Sprintf("none of its %d tags is a version in the range", seen), "push one, or correct the range")
	}
	return at, nil
}

// layer reads a manifest, and gives the layer with the files and what the artifact is called.
func (r *Remote) layer(ctx context.Context, repository *remote.Repository, tag string) (_ ocispec.Descriptor, revision string, err error) {
	var none ocispec.Descriptor
	described, body, err := repository.Manifests().FetchReference(ctx, tag)
	if err != nil {
		return none, "", r.explain(err)
	}
	defer func() { _ = body.Close() }()
	if described.Size > maxManifest {
		return none, "", r.fail("its manifest is larger than 4 MiB", "is it what it should be?")
	}
	data, err := content.ReadAll(io.LimitReader(body, maxManifest), described)
	if err != nil {
		return none, "", r.explain(err)
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return none, "", r.fail("its manifest is no JSON", "is it what it should be?")
	}
	for _, l := range manifest.Layers {
		if r.source.MediaType != "" && l.MediaType != r.source.MediaType {
			continue
		}
		if l.Size > maxLayer || l.Size < 0 || !validDigest(l.Digest.String()) {
			return none, "", r.fail(fmt.Sprintf("its layer is larger than the %d MiB that are fetched, or has no SHA-256", maxLayer>>20), "is it what it should be?")
		}
		revision = described.Digest.String()
		if tag != revision {
			revision = tag + "@" + revision
		}
		return l, revision, nil
	}
	if r.source.MediaType != "" {
		return none, "", r.fail("it has no layer of media type "+r.source.MediaType, "correct the media type, or push the layer")
	}
	return none, "", r.fail("it has no layer", "an index of several platforms is no artifact with manifests")
}

// explain says what the registry said.
func (r *Remote) explain(err error) error {
	var answer *errcode.ErrorResponse
	var forbidden *outbound.ForbiddenError
	var unknown x509.UnknownAuthorityError
	var failed *url.Error
	switch {
	case errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden), errors.Is(err, auth.ErrBasicCredentialNotFound):
		return r.fail("the registry refuses access", "let who runs the hub add a credential for the address (drover hub --help, --credentials-dir), or correct it")
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound, errors.Is(err, errdef.ErrNotFound):
		return r.fail("the registry has no such artifact", "check address and tag")
	case errors.As(err, &answer):
		return r.fail(fmt.Sprintf("the registry answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode)), "it is tried again; does the registry work?")
	case errors.As(err, &forbidden):
		return r.fail(forbidden.Error(), "name another address, or let the operator of the hub allow it (drover hub --allow-source-address)")
	case errors.As(err, &unknown):
		return r.fail("the registry's certificate is signed by an authority that is not trusted", "add its certificate to the credential for the address, as ca")
	case errors.As(err, &failed):
		err = failed.Err // its own text repeats the address
	}
	return r.fail("it cannot be fetched: "+err.Error(), "it is tried again; is the address right, and the network open?")
}

// What is kept in a Remote's folder.
const (
	foundFile = "found.json"
	layerFile = "layer.tgz"
)

// found is the content of foundFile.
type found struct {
	Revision string `json:"revision"`
	Layer    string `json:"layer"` // digest of layerFile
}

// keep writes what was fetched. Layer and name fit together, or are not used: the name holds the layer's digest.
func (r *Remote) keep(revision string, data []byte) error {
	name, err := json.Marshal(found{revision, digestOf(data)})
	if err == nil {
		err = os.MkdirAll(r.dir, 0o700)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{layerFile, data}, {foundFile, name}} {
		next := filepath.Join(r.dir, f.name+".part")
		if err == nil {
			err = os.WriteFile(next, f.data, 0o600)
		}
		if err == nil {
			err = os.Rename(next, filepath.Join(r.dir, f.name))
		}
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w: free space, and let the hub write there", r.name, err)
	}
	return nil
}

// Kept implements fetch.Remote.
func (r *Remote) Kept() model.View {
	var last found
	name, err := os.ReadFile(filepath.Join(r.dir, foundFile))
	if err != nil || json.Unmarshal(name, &last) != nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(r.dir, layerFile))
	if err != nil || digestOf(data) != last.Layer {
		return nil
	}
	view, err := memtree.Unpack(data, 0, model.Revision{Hash: last.Revision, Subject: r.name}, nil)
	if err != nil {
		return nil
	}
	r.view = view
	return view
}

// Close implements fetch.Remote.
func (r *Remote) Close() error { return nil }
