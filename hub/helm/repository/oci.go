package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/drover-dev/drover/hub/helm"
)

// Media types of a chart in a registry (helm.sh/helm/v4/pkg/registry).
const (
	chartLayer       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	legacyChartLayer = "application/tar+gzip"
)

const (
	maxManifest = 4 << 20 // bytes
	maxTags     = 20_000  // of one chart
)

// fromRegistry fetches a chart from an OCI registry.
func (f *Fetcher) fromRegistry(ctx context.Context, ref Reference, access Access) (Fetched, error) {
	repository, err := f.repository(ref, access)
	if err != nil {
		return Fetched{}, err
	}
	tag, err := ref.tag(ctx, repository)
	if err != nil {
		return Fetched{}, err
	}
	layer, err := ref.layer(ctx, repository, tag)
	if err != nil {
		return Fetched{}, err
	}
	found := Fetched{Name: ref.Name, Version: strings.ReplaceAll(tag, "_", "+"), Digest: layer.Digest.String()}
	if found.Name == "" {
		found.Name = ref.Repository[strings.LastIndexByte(ref.Repository, '/')+1:]
	}
	if found.Archive = f.cache.get(found.Digest); found.Archive != nil {
		return found, nil
	}
	body, err := repository.Fetch(ctx, layer)
	if err != nil {
		return Fetched{}, ref.registryError(err)
	}
	defer body.Close()
	found.Archive, err = content.ReadAll(body, layer) // verifies size and digest
	if err != nil {
		return Fetched{}, ref.registryError(err)
	}
	return found, nil
}

// repository is the client for the chart's place in its registry.
func (f *Fetcher) repository(ref Reference, access Access) (*remote.Repository, error) {
	place := strings.TrimSuffix(strings.TrimPrefix(ref.Repository, "oci://"), "/")
	if ref.Name != "" {
		place += "/" + ref.Name
	}
	repository, err := remote.NewRepository(place)
	if err != nil || repository.Reference.Reference != "" {
		return nil, ref.fail("the address names no place in a registry", "write it as oci://host/path, and tag or digest as version")
	}
	client, err := f.clients.client(ref, access)
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = access.PlainHTTP
	repository.MaxMetadataBytes = maxManifest
	repository.Client = &auth.Client{
		Client:     client,
		Header:     http.Header{"User-Agent": {"drover"}},
		Credential: auth.StaticCredential(repository.Reference.Registry, auth.Credential{Username: access.Username, Password: access.Password, AccessToken: access.Token}),
		Cache:      auth.NewCache(),
	}
	return repository, nil
}

// tag gives what to ask the registry for: a digest or tag as it stands, or the newest version that the constraint
// allows.
func (r Reference) tag(ctx context.Context, repository *remote.Repository) (string, error) {
	if strings.HasPrefix(r.Version, "sha256:") {
		if !validDigest(r.Version) {
			return "", r.fail("its digest is none", "write it as sha256: and 64 hexadecimal digits")
		}
		return r.Version, nil
	}
	if _, err := semver.StrictNewVersion(r.Version); err == nil {
		return strings.ReplaceAll(r.Version, "+", "_"), nil // tags have no plus: Helm writes an underline
	}
	constraint, notOne := r.constraint()
	if notOne != nil {
		return r.Version, nil // any other tag
	}
	var versions []*semver.Version
	err := repository.Tags(ctx, "", func(tags []string) error {
		for _, tag := range tags {
			if tag == r.Version {
				return errExact
			}
			if v, err := semver.StrictNewVersion(strings.ReplaceAll(tag, "_", "+")); err == nil {
				versions = append(versions, v)
			}
		}
		if len(versions) > maxTags {
			return fmt.Errorf("the chart has more than %d tags", maxTags)
		}
		return nil
	})
	switch {
	case errors.Is(err, errExact):
		return r.Version, nil
	case err != nil:
		return "", r.registryError(err)
	}
	slices.SortFunc(versions, func(a, b *semver.Version) int { return b.Compare(a) })
	for _, v := range versions {
		if constraint.Check(v) {
			return strings.ReplaceAll(v.Original(), "+", "_"), nil
		}
	}
	return "", r.fail(fmt.Sprintf("none of its %d published versions fits", len(versions)), "correct the version; a constraint takes pre-releases only if it names one, such as >=1.0.0-0")
}

var errExact = errors.New("there is a tag of exactly this name")

// layer reads the manifest of a tag or digest and gives the layer that is the chart.
func (r Reference) layer(ctx context.Context, repository *remote.Repository, tag string) (ocispec.Descriptor, error) {
	described, body, err := repository.Manifests().FetchReference(ctx, tag)
	if err != nil {
		return ocispec.Descriptor{}, r.registryError(err)
	}
	defer body.Close()
	if described.Size > maxManifest {
		return ocispec.Descriptor{}, r.fail("its manifest is larger than 4 MiB", "is it a chart?")
	}
	data, err := content.ReadAll(io.LimitReader(body, maxManifest), described)
	if err != nil {
		return ocispec.Descriptor{}, r.registryError(err)
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return ocispec.Descriptor{}, r.fail("its manifest is no JSON: "+err.Error(), "is it a chart?")
	}
	for _, l := range manifest.Layers {
		if l.MediaType != chartLayer && l.MediaType != legacyChartLayer {
			continue
		}
		switch {
		case l.Size > helm.MaxChart || l.Size < 0:
			return ocispec.Descriptor{}, r.fail(fmt.Sprintf("it is larger than the %d MiB that are fetched", helm.MaxChart>>20), "is it a chart?")
		case !validDigest(l.Digest.String()):
			return ocispec.Descriptor{}, r.fail("its manifest names the chart by a digest that is no SHA-256", "push it again with helm push")
		}
		return l, nil
	}
	return ocispec.Descriptor{}, r.fail(fmt.Sprintf("what is there is no Helm chart but %q", manifest.Config.MediaType), "check the address; manifests in an OCI artifact are an OCIRepository's, not a chart's")
}

// registryError explains what the registry said.
func (r Reference) registryError(err error) error {
	var answer *errcode.ErrorResponse
	switch {
	case errors.As(err, &answer):
		return refused(r, answer.URL.Host, answer.StatusCode)
	case errors.Is(err, errdef.ErrNotFound):
		return refused(r, address(r.Repository), http.StatusNotFound)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return refused(r, address(r.Repository), http.StatusUnauthorized)
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData), errors.Is(err, content.ErrInvalidDescriptorSize), errors.Is(err, io.ErrUnexpectedEOF):
		return r.fail("what the registry sent has not the digest that it was asked for: "+err.Error(), "it was damaged in the registry or on its way: tell who runs it")
	}
	return unreachable(r, err)
}
