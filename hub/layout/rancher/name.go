package rancher

import (
	"crypto/md5" // as Fleet names its bundles
	"encoding/hex"
	"regexp"
	"strings"
)

// maxRelease is how long the name of a release may be.
const maxRelease = 53

var (
	disallowed = regexp.MustCompile(`[^a-zA-Z0-9-]+`)
	dashes     = regexp.MustCompile(`-+`)
)

// bundleName is the name of the bundle of a folder of a GitRepo, which its release has as well (Fleet v0.12,
// internal/names, HelmReleaseName).
func bundleName(repo, dir string) string {
	whole := repo
	if dir != "." {
		whole += "/" + dir
	}
	name := strings.ReplaceAll(whole, "/", "-")
	if name != strings.ToLower(name) || disallowed.MatchString(name) {
		name += "-" + digest(name, 8)
	}
	name = dashes.ReplaceAllString(disallowed.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if name = strings.Trim(name, "-"); name == "" {
		return digest(whole, 24)
	}
	return shortened(name)
}

// shortened is a name of at most maxRelease characters, with a digest where it was longer.
func shortened(name string) string {
	const hexes = 5
	if len(name) <= maxRelease {
		return name
	}
	cut := name[:maxRelease-hexes-1]
	if !strings.HasSuffix(cut, "-") {
		cut += "-"
	}
	return cut + digest(name, hexes)
}

func digest(s string, length int) string {
	sum := md5.Sum([]byte(s)) // no secret depends on it
	return hex.EncodeToString(sum[:])[:length]
}
