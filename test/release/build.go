package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Platform is an operating system and an architecture, as Go names them.
type Platform struct{ OS, Arch string }

// String is the platform as Go's documentation writes it.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// ParsePlatforms reads a list as linux/amd64,darwin/arm64.
func ParsePlatforms(list string) ([]Platform, error) {
	var out []Platform
	for text := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' }) {
		system, arch, _ := strings.Cut(text, "/")
		p := Platform{system, arch}
		if !slices.Contains(agentPlatforms, p) {
			return nil, fmt.Errorf("platform %q: there are %v", text, agentPlatforms)
		}
		out = append(out, p)
	}
	return out, nil
}

var (
	hubPlatforms   = []Platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}}
	agentPlatforms = append(slices.Clone(hubPlatforms), Platform{"linux", "arm"})
)

// Program is one of the programs of a release.
type Program struct {
	Name   string // its place in archives and images, as plugins/drover-plugin-sops
	Module string // the folder of its module
	Path   string // its package, seen from there
}

// Delivery is a set of programs that belong together: one archive for each platform, and one image.
type Delivery struct {
	Name      string // of the archives
	Image     string // of the image
	Programs  []Program
	Platforms []Platform
}

// Deliveries are all of a release.
var Deliveries = []Delivery{
	{"drover", "drover-hub", []Program{
		{"drover", "hub", "./cmd/drover"},
		{"drover-helm-worker", "hub", "./cmd/drover-helm-worker"},
		{"drover-renderers", "hub", "./cmd/drover-renderers"},
		{"drover-plugin-command", "hub", "./cmd/drover-plugin-command"},
	}, hubPlatforms},
	{"drover-agent", "drover-agent", []Program{
		{"drover-agent", "agent", "./cmd/drover-agent"},
		{"drover-plugins", "agent", "./cmd/drover-plugins"},
		{"plugins/drover-plugin-sops", "agent/plugins/sops", "./cmd/drover-plugin-sops"},
	}, agentPlatforms},
}

// platforms are those that a delivery is built for, of those that are wanted.
func (d Delivery) platforms(wanted []Platform) []Platform {
	if len(wanted) == 0 {
		return d.Platforms
	}
	return slices.DeleteFunc(slices.Clone(d.Platforms), func(p Platform) bool { return !slices.Contains(wanted, p) })
}

// programs are programs that were built, by platform and name.
type programs map[Platform]map[string][]byte

func (all programs) add(p Platform, program Program, data []byte) {
	if all[p] == nil {
		all[p] = map[string][]byte{}
	}
	all[p][program.Name] = data
}

const variables = "github.com/drover-dev/drover/internal/version."

// Program builds one program for one platform. Its bytes depend on the sources, the version and the toolchain alone.
func (r Release) Program(ctx context.Context, program Program, p Platform) ([]byte, error) {
	dir, err := os.MkdirTemp("", "drover-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "program")
	flags := fmt.Sprintf("-s -w -X %srelease=%s -X %scommit=%s -X %sdate=%s", variables, r.Version, variables, r.Commit,
		variables, r.Date.Format(time.RFC3339))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", out,
		program.Path)
	cmd.Dir = filepath.Join(r.Root, program.Module)
	// What could change the code for a platform is set to what Go takes by default.
	cmd.Env = append(os.Environ(), "GOOS="+p.OS, "GOARCH="+p.Arch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=",
		"GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOARM=7", "GOFIPS140=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s for %s: %w\n%s", program.Name, p, err, text)
	}
	data, err := os.ReadFile(out)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("build %s for %s: %s is not a command", program.Name, p, program.Path)
	}
	return data, err
}
