package facts

import (
	"fmt"
	"strings"
)

// Image is a reference to a container image, taken apart.
type Image struct {
	Name   string // with the registry: docker.io/library/nginx
	Tag    string // "latest" if the reference has neither tag nor digest
	Digest string // as sha256:…, or ""
}

// ImageOf reads a reference as a container runtime does: nginx is docker.io/library/nginx:latest.
func ImageOf(reference string) Image {
	name, tag, digest := cutImage(reference)
	if tag == "" && digest == "" {
		tag = "latest"
	}
	first, rest, below := strings.Cut(name, "/")
	switch {
	case !below:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		name = "docker.io/" + name
	case first == "index.docker.io":
		name = "docker.io/" + rest
	}
	if rest, ok := strings.CutPrefix(name, "docker.io/"); ok && !strings.Contains(rest, "/") {
		name = "docker.io/library/" + rest
	}
	return Image{Name: name, Tag: tag, Digest: digest}
}

// cutImage separates name[:tag][@digest].
func cutImage(reference string) (name, tag, digest string) {
	name, digest, _ = strings.Cut(reference, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	return name, tag, digest
}

// ImageMatch chooses images by name, tag and digest; what is "" is not asked for.
type ImageMatch struct{ name, tag, digest string }

// minDigest is how many digits of a digest are enough to ask for it.
const minDigest = 7

// ParseImageMatch reads what a person asks for: [NAME][:TAG][@DIGEST]. The name may lack the registry and what else
// stands before a slash: "payment" means ghcr.io/acme/payment, too. Of the digest the first seven digits are enough.
func ParseImageMatch(text string) (ImageMatch, error) {
	m := ImageMatch{}
	m.name, m.tag, m.digest = cutImage(text)
	wrong := func(why string) (ImageMatch, error) {
		return ImageMatch{}, fmt.Errorf("the image %.100q: %s: write NAME, NAME:TAG, NAME@DIGEST, :TAG or @DIGEST", text, why)
	}
	if strings.ContainsAny(text, " \t\n") || len(text) > MaxText {
		return wrong("it has spaces, or is too long")
	}
	if strings.HasSuffix(text, "@") || strings.HasSuffix(text, ":") {
		return wrong("it ends where a tag or digest is expected")
	}
	if m.digest != "" {
		algorithm, hex, ok := strings.Cut(m.digest, ":")
		if !ok {
			algorithm, hex = "sha256", m.digest
		}
		if len(hex) < minDigest {
			return wrong(fmt.Sprintf("at least %d digits of a digest are needed", minDigest))
		}
		m.digest = algorithm + ":" + hex
	}
	return m, nil
}

// All says whether every image is meant.
func (m ImageMatch) All() bool { return m == ImageMatch{} }

// Matches says whether a reference, as pod templates have it, is meant.
func (m ImageMatch) Matches(reference string) bool {
	if m.All() {
		return true
	}
	is := ImageOf(reference)
	if m.tag != "" && is.Tag != m.tag || m.digest != "" && !strings.HasPrefix(is.Digest, m.digest) {
		return false
	}
	return m.name == "" || is.Name == m.name || strings.HasSuffix(is.Name, "/"+m.name) || ImageOf(m.name).Name == is.Name
}
