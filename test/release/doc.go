// Package release builds what a release consists of: archives of static programs for each platform, images, an SBOM and
// checksums, the same bytes from the same sources. It may import test/testenv/image and the standard library, and it is
// used by test/cmd/release.
package release
