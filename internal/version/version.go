// Package version says which release of Drover a program is, and what it was built from. It imports the standard
// library only.
package version

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// Set at link time: -ldflags "-X github.com/drover-dev/drover/internal/version.release=v1.2.3". A program that was
// built without them says what the Go toolchain recorded.
var (
	release string // the version, as a tag or as git describe names a commit
	commit  string // the full hash
	date    string // when the commit was made, RFC 3339
)

// Info is what a program says of itself. A field that is not known is empty.
type Info struct {
	Program  string `json:"program"`
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit, not of the build: the same sources give the same program
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Wire     int    `json:"wireVersion"` // the version of the wire between hub and agents
}

// Read returns what the program with this name is. wire is protocol.Version, which this package does not import.
func Read(program string, wire int) Info {
	build, _ := debug.ReadBuildInfo()
	i := resolve(linked{release, commit, date}, build)
	i.Program, i.Wire = program, wire
	i.Go, i.Platform = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
	return i
}

// String is the release, or the commit it was built from, or "dev".
func String() string {
	build, _ := debug.ReadBuildInfo()
	return resolve(linked{release, commit, date}, build).Version
}

// linked are the values of the linker's flags.
type linked struct{ release, commit, date string }

// resolve fills in what the linker was not told: from the version control that the toolchain recorded, or from the
// module's version where `go install …@v1.2.3` built the program.
func resolve(l linked, build *debug.BuildInfo) Info {
	i := Info{Version: l.release, Commit: l.commit, Date: l.date}
	if build == nil {
		i.Version = cmp.Or(i.Version, "dev")
		return i
	}
	recorded := map[string]string{}
	for _, s := range build.Settings {
		recorded[s.Key] = s.Value
	}
	i.Commit = cmp.Or(i.Commit, recorded["vcs.revision"])
	i.Date = cmp.Or(i.Date, recorded["vcs.time"])
	if v := build.Main.Version; i.Version == "" && recorded["vcs.revision"] == "" && strings.HasPrefix(v, "v") {
		i.Version = v
	}
	if i.Version == "" && len(i.Commit) >= shortCommit {
		i.Version = "dev-" + i.Commit[:shortCommit]
	}
	i.Version = cmp.Or(i.Version, "dev")
	return i
}

// shortCommit is how much of a hash people are shown.
const shortCommit = 12

// Text is one line for people.
func (i Info) Text() string {
	var facts []string
	if i.Commit != "" {
		facts = append(facts, "commit "+i.Commit[:min(len(i.Commit), shortCommit)])
	}
	if i.Date != "" {
		facts = append(facts, i.Date)
	}
	facts = append(facts, i.Go, i.Platform, fmt.Sprintf("wire version %d", i.Wire))
	return fmt.Sprintf("%s %s (%s)", i.Program, i.Version, strings.Join(facts, ", "))
}

// Write prints i as output says: a line of text if it is empty or "text", or "json".
func (i Info) Write(w io.Writer, output string) error {
	switch output {
	case "", "text":
		_, err := fmt.Fprintln(w, i.Text())
		return err
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(i)
	}
	return fmt.Errorf("-o %q is unknown: use text or json", output)
}
