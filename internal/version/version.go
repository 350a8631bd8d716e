// Package version says which release of Drover a binary is. It imports the standard library only.
package version

import "runtime/debug"

// release is set at link time: -ldflags "-X github.com/drover-dev/drover/internal/version.release=v1.2.3".
var release string

// String is the release, or the commit it was built from, or "dev".
func String() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}
